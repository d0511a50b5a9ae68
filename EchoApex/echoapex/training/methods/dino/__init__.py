"""DINO (Caron et al. 2021): a student tells from one crop what its own average, the teacher, makes of another."""
