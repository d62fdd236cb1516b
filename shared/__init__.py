"""What every service agrees on."""
