//! `#cloud-config`: `bootcmd`, `hostname` and `fqdn`, `write_files`, `users` and `ssh_authorized_keys`, `runcmd`.
//! `packages` are looked for, and those that are not there are named: there is no registry to have them from.
//!
//! cloud-init: <https://cloudinit.readthedocs.io/en/latest/reference/modules.html>

use super::yaml::Node;
use super::{Plan, of_base64, quoted, unpacked};
use host::image::USER;

/// Where a machine finds what `write_files` writes.
pub(crate) const FILES: &str = "/var/lib/virga/files";
const MODE: u32 = 0o644;
const HOSTNAME_BYTES_MAX: usize = 64;

/// What is known before its parts are put in order; a later part's key stands for an earlier one's.
#[derive(Debug, Default)]
pub(super) struct Config(Vec<(String, Node)>);

/// What the script of the first boot needs.
const TOOLS: &str = r#"put() {
    mkdir -p "$(dirname "$2")"
    if [ "$5" = more ]; then cat "$1" >>"$2"; else cat "$1" >"$2"; fi &&
        chmod "$3" "$2" || echo "cloud-config: write_files: $2 could not be written"
    chown "$4" "$2" 2>/dev/null || echo "cloud-config: write_files: there is no owner $4 for $2"
}
person() {
    grep -q "^$1:" /etc/passwd || echo "$1:x:0:0:$4:$2:$3" >>/etc/passwd
    mkdir -p "$2"
}
login() {
    mkdir -p "$1/.ssh" && chmod 700 "$1/.ssh" && printf '%s\n' "$2" >>"$1/.ssh/authorized_keys"
    chmod 600 "$1/.ssh/authorized_keys"
}
package() {
    command -v "$1" >/dev/null || [ -e "/usr/share/doc/$1" ] ||
        echo "cloud-config: packages: $1 is not installed: this cloud has no registry of packages"
}
"#;

impl Config {
    pub(super) fn add(&mut self, tree: Node, told: &mut Vec<String>) {
        match tree {
            Node::Map(entries) => {
                for (key, value) in entries {
                    self.0.retain(|(known, _)| *known != key);
                    self.0.push((key, value));
                }
            }
            Node::Nothing => {}
            _ => told.push("cloud-config: it is no map".into()),
        }
    }

    pub(super) fn into_plan(self, plan: &mut Plan, told: &mut Vec<String>, left: &mut u64) {
        let mut steps = Steps { told, left, files: Vec::new(), set: Vec::new(), deferred: Vec::new() };
        let (mut names, mut keeps_name) = ((None, None), false);
        let mut late = String::new();
        for (key, value) in self.0 {
            match key.as_str() {
                "bootcmd" => plan.every.push_str(&steps.commands(&key, value)),
                "runcmd" => late.push_str(&steps.commands(&key, value)),
                "hostname" => names.0 = steps.word(&key, value),
                "fqdn" => names.1 = steps.word(&key, value),
                "preserve_hostname" => keeps_name = value.is_true(),
                "write_files" => value.items().into_iter().for_each(|file| steps.file(file)),
                "users" => value.items().into_iter().for_each(|user| steps.user(user)),
                "ssh_authorized_keys" => steps.logins(&["/home", USER].join("/"), value),
                "packages" => value.items().into_iter().for_each(|item| steps.package(&key, item)),
                _ => steps.strange(&key),
            }
        }
        let name = names.0.or_else(|| names.1.as_ref()?.split('.').next().map(str::to_owned));
        let fits = |name: &String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
            (1..=HOSTNAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
        };
        match name.filter(|_| !keeps_name) {
            Some(name) if fits(&name) => plan.name = Some(name),
            Some(name) => steps.strange(&format!("the hostname {name}")),
            None => {}
        }
        let Steps { files, set, deferred, .. } = steps;
        let all = [set, deferred].concat().concat();
        if !all.is_empty() {
            plan.first = [TOOLS, &all].concat();
        }
        plan.files = files;
        if !late.is_empty() {
            plan.late.push(["#!/bin/sh\n", &late].concat().into_bytes());
        }
    }
}

/// What becomes the script of the first boot.
struct Steps<'t> {
    told: &'t mut Vec<String>,
    /// Bytes that may still be unpacked.
    left: &'t mut u64,
    files: Vec<Vec<u8>>,
    set: Vec<String>,
    /// After users are there.
    deferred: Vec<String>,
}

impl Steps<'_> {
    fn strange(&mut self, what: &str) {
        self.told.push(format!("cloud-config: {what} is not understood"));
    }

    /// A text; what is none is told.
    fn word(&mut self, key: &str, value: Node) -> Option<String> {
        match value {
            Node::Text(text) => Some(text),
            Node::Nothing => None,
            _ => {
                self.strange(&format!("{key}: what is no text"));
                None
            }
        }
    }

    fn package(&mut self, key: &str, item: Node) {
        let name = match item {
            // With the version that is wanted.
            Node::List(mut pair) if !pair.is_empty() => pair.remove(0),
            one => one,
        };
        if let Some(name) = self.word(key, name) {
            self.set.push(format!("package {}\n", quoted(&name)));
        }
    }

    /// Lines of a shell's: a text is one, a list is a program with its arguments.
    fn commands(&mut self, key: &str, value: Node) -> String {
        let mut lines = String::new();
        for item in value.items() {
            match item {
                Node::Text(line) => lines.push_str(&[&line, "\n"].concat()),
                Node::List(words) if words.iter().all(|word| word.text().is_some()) => {
                    let words: Vec<String> = words.iter().filter_map(Node::text).map(quoted).collect();
                    lines.push_str(&[&words.join(" "), "\n"].concat());
                }
                Node::Nothing => {}
                _ => self.strange(&format!("{key}: what is neither a text nor a list of texts")),
            }
        }
        lines
    }

    fn file(&mut self, file: Node) {
        let (mut path, mut content, mut encoding) = (None, Node::Nothing, String::new());
        let (mut mode, mut owner, mut appends, mut waits) = (MODE, "root:root".to_owned(), false, false);
        for (key, value) in file.map() {
            match (key.as_str(), value.text()) {
                ("path", Some(text)) => path = Some(text.to_owned()),
                ("content", _) => content = value,
                ("encoding", Some(text)) => encoding = text.to_ascii_lowercase(),
                ("owner", Some(text)) => text.clone_into(&mut owner),
                ("append", _) => appends = value.is_true(),
                ("defer", _) => waits = value.is_true(),
                ("permissions", Some(text)) => match u32::from_str_radix(text.trim_start_matches("0o"), 8) {
                    Ok(number) if number <= 0o7777 => mode = number,
                    _ => self.strange(&format!("write_files: permissions {text}")),
                },
                (other, _) => self.strange(&format!("write_files: {other}")),
            }
        }
        let Some(path) = path.filter(|path| path.starts_with('/')) else {
            return self.strange("write_files: a file without an absolute path");
        };
        let bytes = match content {
            Node::Text(text) => text.into_bytes(),
            Node::Bytes(bytes) => bytes,
            Node::Nothing => Vec::new(),
            _ => return self.strange(&format!("write_files: the content of {path}")),
        };
        let Some(bytes) = decoded(bytes, &encoding, self.left) else {
            return self.strange(&format!("write_files: the encoding {encoding} of {path}"));
        };
        let (from, to, owner) = (format!("{FILES}/{:03}", self.files.len()), quoted(&path), quoted(&owner));
        self.files.push(bytes);
        let how = if appends { "more" } else { "anew" };
        let line = format!("put {from} {to} {mode:04o} {owner} {how}\n");
        if waits { self.deferred.push(line) } else { self.set.push(line) }
    }

    /// Root under another name, as [`USER`] is: in a machine there is nobody else.
    fn user(&mut self, user: Node) {
        let (mut name, mut home, mut shell, mut words) = (None, None, "/bin/sh".to_owned(), String::new());
        let mut keys = Node::Nothing;
        for (key, value) in match user {
            Node::Text(name) if name == "default" => return,
            Node::Text(name) => vec![("name".to_owned(), Node::Text(name))],
            other => other.map(),
        } {
            match (key.as_str(), value.text()) {
                ("name", Some(text)) => name = Some(text.to_owned()),
                ("homedir", Some(text)) => home = Some(text.to_owned()),
                ("shell", Some(text)) => text.clone_into(&mut shell),
                ("gecos", Some(text)) => text.clone_into(&mut words),
                ("ssh_authorized_keys" | "ssh-authorized-keys", _) => keys = value,
                // There are no passwords to log in with, and nothing that another would be kept from.
                ("lock_passwd" | "lock-passwd" | "sudo", _) => {}
                (other, _) => self.strange(&format!("users: {other}")),
            }
        }
        let fits = |name: &String| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let Some(name) = name.filter(fits) else { return self.strange("users: one without a name") };
        let plain = |text: &str| !text.contains([':', '\n']);
        let home = home.unwrap_or_else(|| ["/home", &name].join("/"));
        if ![&home, &shell, &words].into_iter().all(|text| plain(text)) {
            return self.strange(&format!("users: the members of {name}"));
        }
        let [named, at, by, who] = [&name, &home, &shell, &words].map(|text| quoted(text));
        self.set.push(format!("person {named} {at} {by} {who}\n"));
        self.logins(&home, keys);
    }

    fn logins(&mut self, home: &str, keys: Node) {
        for key in keys.items() {
            if let Some(key) = self.word("ssh_authorized_keys", key) {
                self.set.push(format!("login {} {}\n", quoted(home), quoted(key.trim())));
            }
        }
    }
}

fn decoded(bytes: Vec<u8>, encoding: &str, left: &mut u64) -> Option<Vec<u8>> {
    match encoding {
        "" | "text/plain" => Some(bytes),
        "b64" | "base64" => of_base64(&bytes),
        "gz" | "gzip" => unpacked(&bytes, left),
        "gz+b64" | "gz+base64" | "gzip+b64" | "gzip+base64" => unpacked(&of_base64(&bytes)?, left),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{TOOLS, USER};
    use crate::ec2::user_data::{Plan, plan};

    fn of(config: &str) -> Plan {
        plan(format!("#cloud-config\n{config}").as_bytes())
    }

    /// The script of the first boot without its tools.
    fn first(config: &str) -> String {
        of(config).first.replace(TOOLS, "")
    }

    #[test]
    fn commands_are_lines_and_lists_are_programs() {
        let made = of("runcmd:\n- echo a | cat\n- [echo, \"it's\", 7]\n-\nbootcmd: [date]\n");
        assert_eq!(
            String::from_utf8_lossy(&made.late[0]),
            "#!/bin/sh\necho a | cat\n'echo' 'it'\\''s' '7'\n"
        );
        assert_eq!((made.every.as_str(), made.first.as_str()), ("date\n", ""));
    }

    #[test]
    fn files_are_written_as_they_are_asked_for() {
        let made = of(concat!(
            "write_files:\n- path: /etc/a b\n  content: |\n    one\n    two\n  permissions: '0600'\n",
            "- {path: /b, content: aGk=, encoding: b64, owner: 'www:www', append: true, defer: yes}\n",
            "- {path: /c, content: !!binary aGk=}\n- {path: d}\n- {path: /e, encoding: rot13}\n",
            "- {path: /f, permissions: '999', source: {uri: x}}\n",
        ));
        assert_eq!(made.files, [b"one\ntwo\n".to_vec(), b"hi".to_vec(), b"hi".to_vec(), Vec::new()]);
        let script = made.first.replace(TOOLS, "");
        let lines: Vec<&str> = script.lines().collect();
        assert_eq!(
            lines,
            [
                "echo 'cloud-config: write_files: a file without an absolute path is not understood'",
                "echo 'cloud-config: write_files: the encoding rot13 of /e is not understood'",
                "echo 'cloud-config: write_files: permissions 999 is not understood'",
                "echo 'cloud-config: write_files: source is not understood'",
                "put /var/lib/virga/files/000 '/etc/a b' 0600 'root:root' anew",
                "put /var/lib/virga/files/002 '/c' 0644 'root:root' anew",
                "put /var/lib/virga/files/003 '/f' 0644 'root:root' anew",
                "put /var/lib/virga/files/001 '/b' 0644 'www:www' more",
            ]
        );
    }

    #[test]
    fn users_names_and_packages() {
        let script = first(concat!(
            "users:\n- default\n- name: eva\n  homedir: /srv/eva\n  shell: /bin/bash\n  sudo: ALL=(ALL) NOPASSWD:ALL\n",
            "  ssh_authorized_keys: [ssh-ed25519 AAAA eva]\n  passwd: x\n- {name: 'a b'}\n",
            "ssh_authorized_keys:\n- ssh-rsa BBBB\npackages:\n- curl\n- [jq, 1.6]\nntp: {}\n",
        ));
        let lines: Vec<&str> = script.lines().collect();
        assert_eq!(
            lines,
            [
                "echo 'cloud-config: users: passwd is not understood'",
                "echo 'cloud-config: users: one without a name is not understood'",
                "echo 'cloud-config: ntp is not understood'",
                "person 'eva' '/srv/eva' '/bin/bash' ''",
                "login '/srv/eva' 'ssh-ed25519 AAAA eva'",
                format!("login '{}' 'ssh-rsa BBBB'", ["/home", USER].join("/")).as_str(),
                "package 'curl'",
                "package 'jq'",
            ]
        );
        let name = |config: &str| of(config).name;
        assert_eq!(name("hostname: web\nfqdn: other.example.com").as_deref(), Some("web"));
        assert_eq!(name("fqdn: other.example.com").as_deref(), Some("other"));
        assert_eq!(name("hostname: web\npreserve_hostname: true"), None);
        assert_eq!(first("hostname: a b"), "echo 'cloud-config: the hostname a b is not understood'\n");
    }

    #[test]
    fn what_is_left_out_is_told() {
        for (config, what) in [
            ("hostname: [a]", "hostname: what is no text"),
            ("fqdn: {a: b}", "fqdn: what is no text"),
            ("packages: [{apt: [curl]}]", "packages: what is no text"),
            ("packages: [[]]", "packages: what is no text"),
            ("ssh_authorized_keys: [[a]]", "ssh_authorized_keys: what is no text"),
        ] {
            assert_eq!(first(config), format!("echo 'cloud-config: {what} is not understood'\n"), "{config}");
        }
        let script = first("users: [{name: eva, homedir: /eva, groups: wheel, primary_group: eva}]");
        let lines: Vec<&str> = script.lines().collect();
        assert_eq!(
            lines,
            [
                "echo 'cloud-config: users: groups is not understood'",
                "echo 'cloud-config: users: primary_group is not understood'",
                "person 'eva' '/eva' '/bin/sh' ''",
            ]
        );
    }

    #[test]
    fn what_is_no_config_is_told() {
        for (config, words) in [
            ("a: [", "it is no YAML (line 3)"),
            ("- a", "it is no map"),
            ("a: &x 1\nb: *x", "YAML aliases are not understood (line 3)"),
        ] {
            assert_eq!(of(config).first, format!("echo 'cloud-config: {words}'\n"), "{config}");
        }
    }
}
