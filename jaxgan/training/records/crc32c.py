"""CRC-32C (RFC 3720), the checksum of TensorBoard's records, in numpy: 2 MB/s in plain Python."""

import numpy as np

_LANES = 2048
_BITS = np.arange(32, dtype=np.uint32)


def _table() -> np.ndarray:
    """The remainder that each byte leaves, by the reflected polynomial."""
    remainder = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        remainder = np.where(remainder & 1, 0x82F63B78, 0).astype(np.uint32) ^ (remainder >> 1)
    return remainder


_TABLE = _table()
_LIST = _TABLE.tolist()


def crc32c(data: bytes) -> int:
    """Returns the checksum of bytes.

    Long data are cut into lanes of equal length that advance together. The register is linear in
    its start and the data, so that of two neighbors is the first one's, moved by as many zeros as
    the second is long, XOR the second one's.
    """
    if len(data) < 4 * _LANES:
        register = 0xFFFFFFFF
        for byte in data:
            register = _LIST[(register ^ byte) & 255] ^ (register >> 8)
        return register ^ 0xFFFFFFFF
    length = -(-len(data) // _LANES)
    lanes = np.zeros(_LANES * length, np.uint8)  # zeros in front change no register that is 0
    lanes[-len(data) :] = np.frombuffer(data, np.uint8)
    lanes[-len(data) :][:4] ^= 255  # is a register that starts with ones
    columns = np.zeros((length, _LANES + 32), np.uint8)
    columns[:, :_LANES] = lanes.reshape(_LANES, length).T
    # 32 more lanes of zeros, one for each bit of a register, find where a lane's length moves it
    registers = np.concatenate([np.zeros(_LANES, np.uint32), 1 << _BITS])
    for column in columns:
        registers = _TABLE[(registers ^ column) & 255] ^ (registers >> 8)
    registers, moved = registers[:_LANES], registers[_LANES:]
    while len(registers) > 1:
        registers = _move(registers[::2], moved) ^ registers[1::2]
        moved = _move(moved, moved)
    return int(registers[0]) ^ 0xFFFFFFFF


def _move(registers: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Moves registers (N,) to where `moved` (32,) says that each of their bits goes."""
    bits = (registers[:, None] >> _BITS) & 1
    return np.bitwise_xor.reduce(np.where(bits, moved, np.uint32(0)), axis=1)
