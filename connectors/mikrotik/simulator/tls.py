"""TLS contexts of api-ssl: with a certificate, or anonymous as without one.

Called by tests and the demo.
"""

import base64
import ssl
import tempfile
from pathlib import Path

ANONYMOUS = "ADH:@SECLEVEL=0"
GROUP_14 = bytes.fromhex(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22"
    "514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6"
    "F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3D"
    "C2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E8603"
    "9B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF"
)
"""The 2048-bit group of RFC 3526, section 3; its generator is 2."""


def certificate_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server context with this certificate (PEM files), TLS 1.2 or later.

    Raises:
        OSError: a file is missing, is no PEM, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def anonymous_tls() -> ssl.SSLContext:
    """Return a server context without certificate: anonymous DH, TLS 1.2 at most."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ANONYMOUS)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(_group_file())
        file.flush()
        context.load_dh_params(file.name)
    return context


def _group_file() -> bytes:
    """Return PEM of the ASN.1 sequence of prime and generator (PKCS #3)."""
    numbers = b"\x02\x82\x01\x01\x00" + GROUP_14 + b"\x02\x01\x02"
    sequence = b"\x30\x82" + len(numbers).to_bytes(2, "big") + numbers
    text = base64.encodebytes(sequence)
    return b"-----BEGIN DH PARAMETERS-----\n" + text + b"-----END DH PARAMETERS-----\n"
