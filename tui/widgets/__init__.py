"""Widgets: one file per widget; they take frozen data and post messages, and know nothing of the service."""
