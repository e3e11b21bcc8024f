"""The pair discriminator: a cross-encoder that names the relation of two texts."""
