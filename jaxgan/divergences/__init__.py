"""What adversarial losses estimate and minimize, measured beside its closed form."""
