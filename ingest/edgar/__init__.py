"""The SEC's EDGAR: filings as stories."""
