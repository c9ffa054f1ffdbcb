"""Signs the message on standard input with dkimpy, so that the lab can be proved without the product.

    sign.py DOMAIN SELECTOR ALGORITHM KEYFILE   (rsa-sha256: PEM; ed25519-sha256: the seed in base64)
"""

import sys

import dkim

domain, selector, algorithm, key_file = (argument.encode() for argument in sys.argv[1:5])
message = sys.stdin.buffer.read()
with open(key_file, "rb") as file:
    signature = dkim.sign(
        message,
        selector,
        domain,
        file.read(),
        canonicalize=(b"relaxed", b"relaxed"),
        signature_algorithm=algorithm,
        include_headers=[b"from", b"to", b"subject", b"date", b"message-id"],
    )
sys.stdout.buffer.write(signature + message)
