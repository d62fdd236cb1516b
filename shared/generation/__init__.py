"""Language models: the `TextGenerator` port and the engines behind it."""
