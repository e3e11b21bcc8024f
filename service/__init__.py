"""The Litotes service: tokenizers, numpy and ONNX Runtime behind FastAPI.

Knows nothing of `training`, torch or transformers: what a model is comes from its folder.
"""

__version__ = "0.1.0"
