"""The HTML that people see: consent, error, control and message pages, without scripts and without a logo."""
