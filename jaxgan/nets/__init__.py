"""Networks, one file per pair of generator and discriminator."""

FOLDERS = ("pyramids",)  # whose nets a config names by file, as those here
