"""The curator: questions in, judged examples and dataset versions out."""
