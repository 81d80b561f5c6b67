//! AWS's API models in memory: services, operations, shapes and their traits.
//!
//! One [`Service`] is decoded from its compact file (`models/<id>.bin`, embedded) at first use and lives as long as
//! the process, so everything here borrows `'static`: strings point straight into the embedded bytes.

/// Index of a shape within its service.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ShapeId(pub u32);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    Query,
    Ec2Query,
    Json10,
    Json11,
    RestJson,
    RestXml,
    RpcV2Cbor,
}

/// One AWS service as its published model describes it.
#[derive(Debug)]
pub struct Service {
    /// botocore's folder name: `iam`, `ec2`, `stepfunctions`, `elbv2`.
    pub id: &'static str,
    /// Smithy's service id: `IAM`, `Elastic Load Balancing v2`.
    pub service_id: &'static str,
    pub full_name: &'static str,
    /// `2010-05-08`: the `Version` of a query request.
    pub api_version: &'static str,
    /// The first part of its host names: `iam`, `states`, `monitoring`.
    pub endpoint_prefix: &'static str,
    /// The service in a credential scope: `iam`, `states`, `monitoring`.
    pub signing_name: &'static str,
    /// The part of `X-Amz-Target` before the dot; empty where the service has none.
    pub target_prefix: &'static str,
    /// `https://iam.amazonaws.com/doc/2010-05-08/`; empty where there is none.
    pub xml_namespace: &'static str,
    /// All that the model lists, its preferred one first.
    pub protocols: Vec<Protocol>,
    pub operations: Vec<Operation>,
    pub shapes: Vec<Shape>,
}

#[derive(Debug)]
pub struct Operation {
    pub name: &'static str,
    pub method: &'static str,
    /// `/2015-03-31/functions/{FunctionName}/invocations`; query strings that select the operation stay on it.
    pub uri: &'static str,
    /// The status of a success: 200 unless the model says otherwise.
    pub status: u16,
    pub input: Option<ShapeId>,
    pub output: Option<ShapeId>,
    /// The query protocol's `CreateUserResult` element; empty where there is none.
    pub result_wrapper: &'static str,
    pub errors: Vec<ShapeId>,
    /// `authtype: none`: may be called unsigned.
    pub unsigned: bool,
    /// `authtype: v4-unsigned-body`.
    pub unsigned_body: bool,
    /// The request needs a checksum of its body (`httpChecksumRequired` or `requestChecksumRequired`).
    pub checksum_required: bool,
    /// The member that names the request's checksum algorithm (`httpChecksum.requestAlgorithmMember`).
    pub checksum_algorithm_member: &'static str,
    /// What remains of the endpoint prefix or static context, such as `{AccountId}.` (`endpoint.hostPrefix`).
    pub host_prefix: &'static str,
    pub deprecated: bool,
}

#[derive(Debug)]
pub struct Shape {
    pub name: &'static str,
    pub kind: Kind,
    pub sensitive: bool,
}

/// Lengths count characters for strings, items for lists and maps, bytes for blobs.
#[derive(Debug)]
pub enum Kind {
    Structure(Structure),
    List {
        element: MemberRef,
        min: Option<u64>,
        max: Option<u64>,
        flattened: bool,
    },
    Map {
        key: MemberRef,
        value: MemberRef,
        min: Option<u64>,
        max: Option<u64>,
        flattened: bool,
    },
    String {
        allowed: Vec<&'static str>,
        min: Option<u64>,
        max: Option<u64>,
        pattern: &'static str,
    },
    /// `long` tells 64 bits from 32.
    Integer {
        min: Option<i64>,
        max: Option<i64>,
        long: bool,
    },
    /// `double` tells 64 bits from 32.
    Float {
        min: Option<f64>,
        max: Option<f64>,
        double: bool,
    },
    Boolean,
    Blob {
        min: Option<u64>,
        max: Option<u64>,
        streaming: bool,
    },
    Timestamp {
        format: TimestampFormat,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampFormat {
    /// What the protocol and the place (header, query, body) say.
    Default,
    Iso8601,
    Unix,
    Rfc822,
}

#[derive(Debug, Default)]
pub struct Structure {
    /// In the model's order, which is the order of XML.
    pub members: Vec<MemberModel>,
    /// The member that is the whole body, by index.
    pub payload: Option<usize>,
    /// Exactly one member is set.
    pub union: bool,
    /// Free-form JSON.
    pub document: bool,
    /// An event stream: each member is one kind of event.
    pub event_stream: bool,
    /// One event of a stream.
    pub event: bool,
    /// The XML element that the shape itself asks for as a document root (`locationName`), else empty.
    pub xml_name: &'static str,
    pub xml_namespace: &'static str,
    /// Where the shape is an error.
    pub error: Option<ErrorTrait>,
}

#[derive(Debug)]
pub struct ErrorTrait {
    /// The wire's code where it differs from the shape's name (`InvalidChangeBatch`), else empty.
    pub code: &'static str,
    /// 0 where the model gives none.
    pub status: u16,
    pub sender: bool,
}

#[derive(Debug)]
pub struct MemberModel {
    pub name: &'static str,
    pub target: MemberRef,
    pub required: bool,
    pub location: Location,
    pub idempotency_token: bool,
    pub deprecated: bool,
    pub event_header: bool,
    pub event_payload: bool,
    pub host_label: bool,
}

/// A use of a shape, with the traits that the use may override.
#[derive(Debug)]
pub struct MemberRef {
    pub shape: ShapeId,
    /// The name on the wire (`locationName`); empty where it is the member's own.
    pub wire_name: &'static str,
    /// The ec2 protocol's `queryName`, else empty.
    pub query_name: &'static str,
    pub xml_attribute: bool,
    pub xml_namespace: &'static str,
    pub xml_prefix: &'static str,
    /// Flattened at this member, whatever the shape says.
    pub flattened: bool,
    pub timestamp: TimestampFormat,
    /// `jsonvalue`: JSON in a base64 header.
    pub json_value: bool,
}

/// Where a member travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Location {
    Body,
    Uri,
    QueryString,
    Header,
    /// `headers`: a map of all headers with this prefix.
    HeaderPrefix,
    StatusCode,
}

impl Service {
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0 as usize]
    }

    /// Linear; routing has its own index.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|o| o.name == name)
    }

    /// The structure behind `id`, where it is one.
    pub fn structure(&self, id: ShapeId) -> Option<&Structure> {
        if let Kind::Structure(s) = &self.shape(id).kind { Some(s) } else { None }
    }
}

impl Structure {
    pub fn member(&self, name: &str) -> Option<&MemberModel> {
        self.members.iter().find(|m| m.name == name)
    }
}

/// A service of no shapes, for faults that come before a service is known.
pub(crate) static NOBODY: Service = Service {
    id: "",
    service_id: "",
    full_name: "",
    api_version: "",
    endpoint_prefix: "",
    signing_name: "",
    target_prefix: "",
    xml_namespace: "",
    protocols: Vec::new(),
    operations: Vec::new(),
    shapes: Vec::new(),
};
