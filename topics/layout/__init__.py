"""Few coordinates for many: UMAP's descent, ours and the package's."""
