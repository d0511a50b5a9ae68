"""EchoCLR (Holste et al. 2022): clips of one study are alike, those of others are not, and frames have an order."""
