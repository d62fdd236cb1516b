"""What a comparison of methods came to: report.json, a verdict in words, one HTML page."""
