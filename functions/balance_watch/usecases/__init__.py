"""What the product does: check, deliver, pay, silence."""
