"""Screens: one file per screen, named after it."""
