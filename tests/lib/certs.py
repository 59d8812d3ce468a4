"""Certificates for tests: a CA, and what it signs."""
import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A CA whose files are NAME.crt, and for each certificate NAME-HOST.crt and .key, in a directory."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self._write(name, self._sign(name, self.key.public_key(), ca=True))

    def _sign(self, subject, public_key, ca=False, names=()):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(self.name))
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, name, certificate):
        path = os.path.join(self.directory, f"{name}.crt")
        with open(path, "wb") as f:
            f.write(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, host):
        """A certificate for a host, and its key; answers the settings of a process that has them and knows this CA."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._write(f"{self.name}-{host}", self._sign(host, key.public_key(), names=[host]))
        path = os.path.join(self.directory, f"{self.name}-{host}.key")
        with open(path, "wb") as f:
            f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return {"SFMS_TLS_CA_FILE": self.ca, "SFMS_TLS_CERT_FILE": certificate, "SFMS_TLS_KEY_FILE": path}
