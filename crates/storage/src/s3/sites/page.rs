//! The pages that S3 writes itself, where a website has none for an error.

/// What an error page tells.
#[derive(Clone, Default, Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// `BucketName` or `Key`, and its value; of a method what it was, and of what.
    pub(super) about: Vec<(&'static str, String)>,
    pub(super) request_id: String,
    /// Why the website's own document for errors could not be shown.
    pub(super) instead_of: Option<Box<Problem>>,
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
        let own = [("RequestId", self.request_id.clone()), ("HostId", self.request_id.clone())];
        let document = self.instead_of.as_ref().map(|problem| {
            let title = "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n";
            [title, "<ul>\n", &problem.items(&[]), "</ul>\n"].concat()
        });
        [
            "<html>\n<head><title>",
            &title,
            "</title></head>\n<body>\n<h1>",
            &title,
            "</h1>\n<ul>\n",
            &self.items(&own),
            "</ul>\n",
            &document.unwrap_or_default(),
            "<hr/>\n</body>\n</html>\n",
        ]
        .concat()
    }

    fn items(&self, more: &[(&str, String)]) -> String {
        let mut items = vec![("Code", self.code.clone()), ("Message", self.message.clone())];
        items.extend(self.about.clone());
        items.extend_from_slice(more);
        let line = |(name, value): &(&str, String)| ["<li>", name, ": ", &escaped(value), "</li>\n"].concat();
        items.iter().map(line).collect()
    }

    /// From S3's own error document, of which only code and message are needed.
    pub(super) fn of_document(
        status: u16,
        document: &str,
        about: Vec<(&'static str, String)>,
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
            instead_of: None,
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
        let about = vec![("Key", "a<b".to_owned())];
        let page = Problem::of_document(404, document, about, "ID").page();
        assert!(page.starts_with("<html>\n<head><title>404 Not Found</title></head>"), "{page}");
        assert!(
            page.contains("<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>")
        );
        assert!(page.contains("<li>Key: a&lt;b</li>"), "{page}");
        assert!(!page.contains("<h3>"), "{page}");
        let missing = Problem::of_document(404, document, vec![("Key", "e.html".to_owned())], "ID");
        let denied = Problem { status: 403, instead_of: Some(Box::new(missing)), ..Problem::default() };
        let told = "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n<li>Key: e.html</li>\n</ul>\n<hr/>";
        assert!(denied.page().contains(told), "{}", denied.page());
    }
}
