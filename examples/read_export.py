"""Reads an export of slime-router, JSON lines or safetensors, and sums it up. Standard library; numpy arrays when it is there.

Usage: python3 read_export.py FILE

`rows(path)` yields one dict a row, the members named as in the file's shape (docs/export.md). Tensors of a safetensors file are
numpy arrays, or lists without numpy. A null log-probability is NaN, a null turn or version -1 in a file of shape native.
"""
import json
import struct
import sys

try:
    import numpy
except ImportError:
    numpy = None

DTYPES = {"I64": ("<i8", "q"), "F64": ("<f8", "d"), "I32": ("<i4", "i"), "U8": ("u1", "B")}


def rows(path):
    """Rows of a file, one after another."""
    with open(path, "rb") as file:
        head = file.read(9)
        file.seek(0)
        if head[8:] == b"{" and head[:1] != b"{":
            yield from safetensors_rows(file.read())
        else:
            yield from (json.loads(line) for line in file if line.strip())


def safetensors_rows(data):
    """Rows of a safetensors export: row i of tensor NAME lies between NAME.offsets[i] and NAME.offsets[i + 1]."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")

    def tensor(name):
        start, end = (8 + length + at for at in header[name]["data_offsets"])
        numpy_type, letter = DTYPES[header[name]["dtype"]]
        if numpy is not None:
            return numpy.frombuffer(data[start:end], numpy_type)
        return struct.unpack(f"<{(end - start) // struct.calcsize(letter)}{letter}", data[start:end])

    tensors = {name: (tensor(name), tensor(f"{name}.offsets")) for name in header if f"{name}.offsets" in header}
    for i, row in enumerate(json.loads(metadata["rows"])):
        row.update((name, values[at[i] : at[i + 1]]) for name, (values, at) in tensors.items())
        if metadata["shape"] == "native":
            row["provenance"] = bytes(bytearray(row["provenance"])).decode()
            row["version_table"] = json.loads(metadata["versions"])
        yield row


def main(path):
    masks = ("loss_mask", "response_mask", "env_mask")
    found = [sum(map(int, row[next(name for name in masks if name in row)])) for row in rows(path)]
    print(f"{len(found)} rows, {sum(found)} tokens to train")


if __name__ == "__main__":
    main(sys.argv[1])
