"""Contrastive losses on the two-part vector, one for each kind of row.

Each is a sentence-transformers loss: `forward(features, labels)` embeds the columns, and
`compute_loss_from_embeddings` is a pure function of tensors. sentence-transformers' own losses act
on one vector; these act on `(1-w) cos g + w cos p` and see both parts.
"""
