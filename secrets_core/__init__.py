"""mm-secrets: exchange credentials that are never torn, never leaked and never forgotten."""
