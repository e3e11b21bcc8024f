"""Dev figures of an encoder: the same code for a checkpoint, an ONNX folder and the base.

An encoder is judged as a function from texts to unit vectors, so nothing here knows what it is.
"""
