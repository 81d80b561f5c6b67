pub fn fault(_: &crate::model::Service, _: &[()]) -> crate::Fault { crate::Fault::new(500, "", "") }
