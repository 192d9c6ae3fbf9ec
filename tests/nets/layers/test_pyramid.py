"""The widths of DCGAN's pyramid of feature maps."""

from jaxgan.nets.layers.pyramid import pyramid


def test_widths_double_up_to_the_cap():
    assert pyramid((256, 256, 3), 64, 1024, "dcgan") == [64, 128, 256, 512, 1024, 1024]
    assert pyramid((32, 32, 1), 32, 1024, "dcgan") == [32, 64, 128]
    assert pyramid((28, 28, 1), 32, 1024, "dcgan") == [32, 64]
