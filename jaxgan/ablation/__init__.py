"""Ablation studies: a sweep file's cells, their runs, and the table that compares them."""
