"""DINOv2 (Oquab et al. 2023): DINO with masked patches (iBOT) and features spread apart (KoLeo)."""
