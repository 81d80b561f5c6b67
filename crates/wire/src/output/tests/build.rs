//! Models by hand, for tests that want to see one trait at a time.

use crate::model::{
    ErrorTrait, Kind, Location, MemberModel, MemberRef, Operation, Protocol, Service, Shape, ShapeId,
    Structure, TimestampFormat,
};

pub(crate) struct Build {
    service: Service,
}

pub(crate) fn to(shape: ShapeId) -> MemberRef {
    MemberRef {
        shape,
        wire_name: "",
        query_name: "",
        xml_attribute: false,
        xml_namespace: "",
        xml_prefix: "",
        flattened: false,
        timestamp: TimestampFormat::Default,
        json_value: false,
    }
}

pub(crate) fn named(shape: ShapeId, wire_name: &'static str) -> MemberRef {
    MemberRef { wire_name, ..to(shape) }
}

pub(crate) fn member(name: &'static str, target: MemberRef) -> MemberModel {
    MemberModel {
        name,
        target,
        required: false,
        location: Location::Body,
        idempotency_token: false,
        deprecated: false,
        event_header: false,
        event_payload: false,
        host_label: false,
    }
}

pub(crate) fn at(location: Location, name: &'static str, target: MemberRef) -> MemberModel {
    MemberModel { location, ..member(name, target) }
}

pub(crate) fn error(code: &'static str, status: u16, members: Vec<MemberModel>) -> Structure {
    let error = Some(ErrorTrait { code, status, sender: status < 500 });
    Structure { members, error, ..Structure::default() }
}

impl Build {
    pub(crate) fn new(id: &'static str, protocol: Protocol) -> Build {
        Build {
            service: Service {
                id,
                service_id: id,
                full_name: id,
                api_version: "2010-05-08",
                endpoint_prefix: id,
                signing_name: id,
                target_prefix: "",
                xml_namespace: "https://service.example/doc/",
                protocols: vec![protocol],
                operations: Vec::new(),
                shapes: Vec::new(),
            },
        }
    }

    pub(crate) fn shape(&mut self, name: &'static str, kind: Kind) -> ShapeId {
        self.service.shapes.push(Shape { name, kind, sensitive: false });
        ShapeId(self.service.shapes.len() as u32 - 1)
    }

    pub(crate) fn string(&mut self) -> ShapeId {
        self.shape("String", Kind::String { allowed: Vec::new(), min: None, max: None, pattern: "" })
    }

    pub(crate) fn integer(&mut self) -> ShapeId {
        self.shape("Integer", Kind::Integer { min: None, max: None, long: false })
    }

    pub(crate) fn float(&mut self, double: bool) -> ShapeId {
        self.shape("Float", Kind::Float { min: None, max: None, double })
    }

    pub(crate) fn boolean(&mut self) -> ShapeId {
        self.shape("Boolean", Kind::Boolean)
    }

    pub(crate) fn blob(&mut self) -> ShapeId {
        self.shape("Blob", Kind::Blob { min: None, max: None, streaming: false })
    }

    pub(crate) fn timestamp(&mut self, format: TimestampFormat) -> ShapeId {
        self.shape("Timestamp", Kind::Timestamp { format })
    }

    pub(crate) fn list(&mut self, element: MemberRef, flattened: bool) -> ShapeId {
        self.shape("List", Kind::List { element, min: None, max: None, flattened })
    }

    pub(crate) fn map(&mut self, key: MemberRef, value: MemberRef, flattened: bool) -> ShapeId {
        self.shape("Map", Kind::Map { key, value, min: None, max: None, flattened })
    }

    pub(crate) fn structure(&mut self, name: &'static str, members: Vec<MemberModel>) -> ShapeId {
        self.shape(name, Kind::Structure(Structure { members, ..Structure::default() }))
    }

    /// The service, with one operation `Do` that answers with `output`.
    pub(crate) fn done(mut self, output: Option<ShapeId>) -> Service {
        self.service.operations.push(Operation {
            name: "Do",
            method: "POST",
            uri: "/",
            status: 200,
            input: None,
            output,
            result_wrapper: if output.is_some() { "DoResult" } else { "" },
            errors: Vec::new(),
            unsigned: false,
            unsigned_body: false,
            checksum_required: false,
            checksum_algorithm_member: "",
            host_prefix: "",
            deprecated: false,
        });
        self.service
    }
}
