"""AssumeRoleWithSAML with a signer of its own: canonical forms, namespaces and white space are lxml's and signxml's."""

import base64
import datetime
import uuid

import pytest
from cloudtest import allow, policy, refused
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import SignatureConstructionMethod, XMLSigner

ISSUER = "https://idp.example.com/metadata"
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes"


class Idp:
    """An identity provider with a key and a certificate for it."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "idp")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), 7)
        builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9))
        self.certificate = builder.sign(self.key, hashes.SHA256())

    def metadata(self):
        der = base64.encodebytes(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}">
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor use="signing">
      <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>
{der}</X509Certificate></X509Data></KeyInfo>
    </KeyDescriptor>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{ISSUER}/login"/>
  </IDPSSODescriptor>
</EntityDescriptor>"""

    def response(self, role, provider, whom="eva@example.com", sign="Assertion", **signing):
        """A signed response in base64; `sign` names the element that is signed."""
        now = datetime.datetime.now(datetime.UTC)
        at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        until = (now + datetime.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        # Prefixes that are declared and not used, text outside of ASCII, quotes, references, odd white space.
        text = f"""<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
    xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:unused="urn:unused" ID="_{uuid.uuid4()}" Version="2.0"
    IssueInstant="{at}" Destination="https://signin.aws.amazon.com/saml">
  <saml:Issuer>{ISSUER}</saml:Issuer>
  <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
  <saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
      Version="2.0" IssueInstant='{at}' ID="_{uuid.uuid4()}">
    <saml:Issuer>{ISSUER}</saml:Issuer>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">_e&#x0301;va &amp; &lt;co></saml:NameID>
      <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData
        Recipient="https://signin.aws.amazon.com/saml"   NotOnOrAfter="{until}"/></saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="{at}" NotOnOrAfter="{until}"><saml:AudienceRestriction>
      <saml:Audience>urn:amazon:webservices</saml:Audience></saml:AudienceRestriction></saml:Conditions>
    <!-- of no account -->
    <saml:AttributeStatement>
      <saml:Attribute Name="{ATTRIBUTES}/Role" note='"a"&#9;b'>
        <saml:AttributeValue xsi:type="xs:string">{role},{provider}</saml:AttributeValue>
      </saml:Attribute>
      <saml:Attribute Name="{ATTRIBUTES}/RoleSessionName">
        <saml:AttributeValue><![CDATA[{whom}]]></saml:AttributeValue>
      </saml:Attribute>
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>"""
        document = etree.fromstring(text)
        target = document if sign == "Response" else document.find("{*}Assertion")
        signer = XMLSigner(
            method=SignatureConstructionMethod.enveloped,
            c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
            **signing,
        )
        signed = signer.sign(
            target, key=self.key, cert=[self.certificate], reference_uri=target.get("ID"), id_attribute="ID"
        )
        if sign != "Response":
            document.replace(target, signed)
            signed = document
        return base64.b64encode(etree.tostring(signed)).decode()


@pytest.fixture(scope="module")
def idp():
    return Idp()


def federated(account, idp):
    """A provider, and a role that trusts it; their ARNs."""
    iam = account.client("iam")
    provider = iam.create_saml_provider(Name="Idp", SAMLMetadataDocument=idp.metadata())["SAMLProviderArn"]
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithSAML",
        "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
    }
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="web", PolicyName="inline", PolicyDocument=policy(allow("iam:ListUsers")))
    return role, provider


@pytest.mark.parametrize(
    ("sign", "signing"),
    [
        ("Assertion", {"signature_algorithm": "rsa-sha256", "digest_algorithm": "sha256"}),
        ("Response", {"signature_algorithm": "rsa-sha512", "digest_algorithm": "sha384"}),
    ],
)
def test_a_signed_response_is_a_session(cloud, account, idp, sign, signing):
    role, provider = federated(account, idp)
    response = idp.response(role, provider, sign=sign, **signing)
    out = cloud.anonymous("sts").assume_role_with_saml(
        RoleArn=role, PrincipalArn=provider, SAMLAssertion=response, DurationSeconds=900
    )
    assert (out["Subject"], out["SubjectType"], out["Issuer"]) == ("_e\u0301va & <co>", "transient", ISSUER)
    who = account.with_credentials(out["Credentials"], out["AssumedRoleUser"]["Arn"])
    arn = f"arn:aws:sts::{account.account}:assumed-role/web/eva@example.com"
    assert who.client("sts").get_caller_identity()["Arn"] == arn
    assert who.client("iam").list_users()["Users"] == []


def test_what_the_provider_did_not_sign_is_refused(cloud, account, idp):
    role, provider = federated(account, idp)
    text = base64.b64decode(idp.response(role, provider)).decode()
    changed = text.replace("eva@example.com", "bob@example.com")
    # White space is part of what is signed.
    moved = text.replace("<saml:Subject>\n", "<saml:Subject>")
    assert text not in (changed, moved)
    for spoilt in (changed, moved, base64.b64decode(Idp().response(role, provider)).decode()):
        with refused("InvalidIdentityToken", "Response signature invalid", 400):
            cloud.anonymous("sts").assume_role_with_saml(
                RoleArn=role, PrincipalArn=provider, SAMLAssertion=base64.b64encode(spoilt.encode()).decode()
            )
