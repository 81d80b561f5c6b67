"""Outbound identity federation as a service outside sees it: discovery, keys, tokens that another library verifies."""

import base64
import http.client
import json
import time

import pytest
from cloudtest import allow, refused
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

AUDIENCE = "https://api.example.com"


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text):
    return int.from_bytes(decoded(text), "big")


def document(cloud, url):
    """The names below `localhost` need not resolve here: the address does."""
    _, _, host, path = url.split("/", 3)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    connection.request("GET", f"/{path}", headers={"Host": host})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return json.loads(answer.read())


def verified(cloud, issuer, token):
    """The claims of a token, as who relies on it has them."""
    found = document(cloud, f"{issuer}/.well-known/openid-configuration")
    assert found["issuer"] == issuer
    keys = {key["kid"]: key for key in document(cloud, found["jwks_uri"])["keys"]}
    header, payload, signature = token.split(".")
    signed, signature = f"{header}.{payload}".encode(), decoded(signature)
    header = json.loads(decoded(header))
    key = keys[header["kid"]]
    assert key["alg"] == header["alg"]
    assert header["alg"] in found["id_token_signing_alg_values_supported"]
    if header["alg"] == "ES384":
        point = ec.EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), ec.SECP384R1())
        half = len(signature) // 2
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        point.public_key().verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA384()))
    else:
        public = rsa.RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
        public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    return json.loads(decoded(payload))


@pytest.mark.parametrize("algorithm", ["ES384", "RS256"])
def test_a_token_is_verified_by_what_its_issuer_publishes(account, algorithm):
    issuer = account.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert issuer.endswith(f".tokens.sts.global.localhost:{account.cloud.port}")
    ann = account.user("ann", allow("sts:GetWebIdentityToken"))
    given = ann.client("sts").get_web_identity_token(
        Audience=[AUDIENCE], SigningAlgorithm=algorithm, DurationSeconds=60
    )
    token = given["WebIdentityToken"]
    claims = verified(account.cloud, issuer, token)
    assert (claims["iss"], claims["aud"], claims["sub"]) == (issuer, AUDIENCE, ann.arn)
    assert claims["exp"] == given["Expiration"].timestamp()
    assert 0 < claims["exp"] - time.time() <= 60
    assert claims["https://sts.amazonaws.com/"]["aws_account"] == account.account
    header, payload, signature = token.split(".")
    other = json.loads(decoded(payload)) | {"sub": account.arn}
    other = base64.urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip("=")
    with pytest.raises(InvalidSignature):
        verified(account.cloud, issuer, f"{header}.{other}.{signature}")


def test_without_the_feature_there_are_no_tokens(account):
    with refused("OutboundWebIdentityFederationDisabledException", status=403):
        account.client("sts").get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="RS256")
    with refused("FeatureDisabled", status=404):
        account.client("iam").get_outbound_web_identity_federation_info()


def test_an_issuer_survives(own_account):
    iam, sts = own_account.client("iam"), own_account.client("sts")
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    token = sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")["WebIdentityToken"]
    own_account.cloud.restart(kill=True)
    assert verified(own_account.cloud, issuer, token)["iss"] == issuer
    sts = own_account.client("sts")
    token = sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="RS256")["WebIdentityToken"]
    assert verified(own_account.cloud, issuer, token)["iss"] == issuer
