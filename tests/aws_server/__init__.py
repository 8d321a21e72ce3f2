"""A Secrets Manager on loopback that keeps AWS's documented rules, for every test that moves labels.

moto brings the HTTP dispatch, the signatures, IAM and STS. Its Secrets Manager is replaced, because there a moved
AWSCURRENT serves the old value, a repeated put loses AWSCURRENT, and policies never see the secret they are about:
tests against it pass while being wrong. ``process`` starts it; ``faults`` says how it can misbehave.
"""
