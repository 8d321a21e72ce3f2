"""Stores of named secrets with versions and staging labels: one contract, several backends."""
