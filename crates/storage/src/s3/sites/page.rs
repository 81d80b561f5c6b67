//! The pages that S3 writes itself, where a website has none for an error.

/// What an error page tells.
#[derive(Clone, Default, Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// `BucketName` or `Key`, and its value.
    pub(super) about: Option<(&'static str, String)>,
    pub(super) request_id: String,
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        416 => "Requested Range Not Satisfiable",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Problem {
    /// The page, as AWS lays it out.
    pub(super) fn page(&self) -> String {
        let title = [&self.status.to_string(), " ", reason(self.status)].concat();
        let mut items = vec![("Code", self.code.clone()), ("Message", self.message.clone())];
        items.extend(self.about.clone());
        items.push(("RequestId", self.request_id.clone()));
        items.push(("HostId", self.request_id.clone()));
        let items: Vec<String> = items
            .iter()
            .map(|(name, value)| ["<li>", name, ": ", &escaped(value), "</li>\n"].concat())
            .collect();
        [
            "<html>\n<head><title>",
            &title,
            "</title></head>\n<body>\n<h1>",
            &title,
            "</h1>\n<ul>\n",
            &items.concat(),
            "</ul>\n<hr/>\n</body>\n</html>\n",
        ]
        .concat()
    }

    /// From S3's own error document, of which only code and message are needed.
    pub(super) fn of_document(
        status: u16,
        document: &str,
        about: Option<(&'static str, String)>,
        id: &str,
    ) -> Problem {
        let element = |name: &str| {
            let (start, end) = (["<", name, ">"].concat(), ["</", name, ">"].concat());
            let rest = document.split_once(&start)?.1;
            rest.split_once(&end).map(|(text, _)| text.to_owned())
        };
        Problem {
            status,
            code: element("Code").unwrap_or_default(),
            message: element("Message").unwrap_or_default(),
            about,
            request_id: id.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;

    #[test]
    fn a_page_is_made_of_a_document() {
        let document =
            "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
        let about = Some(("Key", "a<b".to_owned()));
        let page = Problem::of_document(404, document, about, "ID").page();
        assert!(page.starts_with("<html>\n<head><title>404 Not Found</title></head>"), "{page}");
        assert!(
            page.contains("<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>")
        );
        assert!(page.contains("<li>Key: a&lt;b</li>"), "{page}");
    }
}
