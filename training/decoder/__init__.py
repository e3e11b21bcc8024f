"""Decoder language models as encoders: one vector a text, trained through a LoRA adapter."""
