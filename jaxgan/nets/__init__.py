"""Networks, one file per pair of generator and discriminator."""
