"""Outside text → Document: plain text, language, tickers, people as pseudonyms."""
