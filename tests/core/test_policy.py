"""The rules of each environment, and who never gets as far as prod."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secrets_core.policy import (
    CI_VARIABLES,
    EnvironmentPolicy,
    binding_refusal,
    ci_refusal,
    default_policy,
    endpoint_problem,
    is_loopback,
)

HOUR = 3600


class TestDefaults:
    @pytest.mark.parametrize(
        "policy",
        [
            EnvironmentPolicy(
                "dev",
                mode="best_effort",
                poll_seconds=30,
                warn_after_seconds=None,
                hold_after_seconds=None,
                ttl_seconds=300,
                max_stale_seconds=24 * HOUR,
                legacy_pairs="allow",
                read_only=False,
                typed_confirmation=False,
                rotation_days=90,
                warn_days=14,
                freeze_approvals=1,
                thaw_approvals=1,
            ),
            EnvironmentPolicy(
                "shadow",
                mode="best_effort",
                poll_seconds=15,
                warn_after_seconds=60,
                hold_after_seconds=None,
                ttl_seconds=300,
                max_stale_seconds=24 * HOUR,
                legacy_pairs="warn",
            ),
            EnvironmentPolicy(
                "soak",
                mode="strict",
                poll_seconds=10,
                hold_after_seconds=120,
                ttl_seconds=300,
                max_stale_seconds=4 * HOUR,
                legacy_pairs="refuse",
                read_only=False,
                typed_confirmation=True,
                freeze_approvals=1,
                thaw_approvals=2,
            ),
            EnvironmentPolicy(
                "prod",
                mode="strict",
                poll_seconds=10,
                hold_after_seconds=120,
                ttl_seconds=300,
                max_stale_seconds=4 * HOUR,
                legacy_pairs="refuse",
                read_only=True,
                typed_confirmation=True,
                freeze_approvals=1,
                thaw_approvals=2,
            ),
        ],
        ids=lambda policy: policy.environment,
    )
    def test_the_four_environments(self, policy: EnvironmentPolicy) -> None:
        assert default_policy(policy.environment) == policy

    def test_one_that_is_not_known_gets_the_strict_rules(self) -> None:
        assert default_policy("paper-eu") == replace(default_policy("soak"), environment="paper-eu")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:5000", True),
        ("http://127.8.9.10", True),
        ("https://localhost:5000/path", True),
        ("http://LOCALHOST", True),
        ("http://[::1]:5000", True),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("http://evil.example#@127.0.0.1", False),
        ("http://evil.example/127.0.0.1", False),
        ("http://128.0.0.1", False),
        ("http://0.0.0.0", False),
        ("http://[::2]", False),
        ("http://[::1", False),
        ("127.0.0.1:5000", False),
        ("https://secretsmanager.eu-west-1.amazonaws.com", False),
        ("", False),
        (None, False),
    ],
)
def test_only_this_machine_is_loopback(url: str | None, local: bool) -> None:
    assert is_loopback(url) is local


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://vpce.example", ""),
        ("https://vpce.example:8443/path", ""),
        ("http://127.0.0.1:5000", ""),
        ("http://vpce.example", "unencrypted"),
        ("http://127.0.0.1.evil.example", "unencrypted"),
        *[
            (url, "not an http or https address")
            for url in (
                *("", "https://", "vpce.example", "ftp://127.0.0.1", "https://[::1", "https://user@h", "https://:x@h"),
                *("https://h:0", "https://h:99999", "https://h:x", "https://h?x", "https://h?", "https://h#f"),
                *("https://h#", " https://h", "https://h\n.example", "https://h\t", "https://h /"),
            )
        ],
    ],
)
def test_an_endpoint_is_encrypted_or_on_this_machine(url: str, problem: str) -> None:
    told = endpoint_problem(url)
    assert problem in told
    assert bool(told) is bool(problem)


class TestContinuousIntegration:
    @pytest.mark.parametrize("variable", CI_VARIABLES)
    @pytest.mark.parametrize("backend", ["aws", "vault"])
    def test_prod_on_a_real_backend_is_out_of_reach(self, variable: str, backend: str) -> None:
        refused = ci_refusal("prod", backend, None, {variable: "true"})
        assert refused is not None
        assert refused.guard == "ci"
        assert variable in refused.message
        assert refused.hint

    @pytest.mark.parametrize(
        ("environment", "backend", "endpoint"),
        [
            ("dev", "aws", None),
            ("soak", "vault", None),
            ("prod", "memory", None),
            ("prod", "demo", None),
            ("prod", "aws", "http://127.0.0.1:5000"),
            ("prod", "aws", "https://localhost"),
        ],
    )
    def test_everything_else_is_not(self, environment: str, backend: str, endpoint: str | None) -> None:
        assert ci_refusal(environment, backend, endpoint, dict.fromkeys(CI_VARIABLES, "1")) is None

    @pytest.mark.parametrize("endpoint", ["https://vpce.example", "http://127.0.0.1.evil.example", "http://[::1"])
    def test_an_endpoint_elsewhere_is_a_real_backend(self, endpoint: str) -> None:
        assert ci_refusal("prod", "aws", endpoint, {"GITHUB_ACTIONS": "true"}) is not None

    def test_a_vault_is_real_whatever_the_endpoint_says(self) -> None:
        assert ci_refusal("prod", "vault", "http://127.0.0.1:5000", {"GITHUB_ACTIONS": "true"}) is not None

    def test_outside_ci_nothing_is_refused(self) -> None:
        assert ci_refusal("prod", "aws", None, {}) is None
        assert ci_refusal("prod", "aws", None, {"GITHUB_ACTIONS": "", "HOME": "/home/alice"}) is None

    def test_a_bare_ci_counts_only_for_whoever_says_so(self) -> None:
        assert ci_refusal("prod", "aws", None, {"CI": "true"}) is None
        assert ci_refusal("prod", "aws", None, {"CI": "true"}, markers=("CI", *CI_VARIABLES)) is not None


class TestBinding:
    def test_a_bound_process_touches_its_own_environment_alone(self) -> None:
        assert binding_refusal("dev", {"MM_ENV": "dev"}) is None
        refused = binding_refusal("prod", {"MM_ENV": "dev"})
        assert refused is not None
        assert refused.guard == "bound"
        assert "dev" in refused.message
        assert "prod" in refused.message

    @pytest.mark.parametrize("variables", [{}, {"MM_ENV": ""}])
    def test_without_it_nothing_is_refused(self, variables: dict[str, str]) -> None:
        assert binding_refusal("prod", variables) is None
