//! Roots of machines that are held to a size, and those that are sealed.

use crate::lab::Lab;
use crate::machines::{Folder, boot_with, run};
use host::Driver;
use host::pace::{Limit, Rate};
use host::room;
use host::seal::Key;
use net::sample;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// Says what it does on one line, and how it ended.
fn does(lab: &Lab, script: &str) -> String {
    let (code, said) = run(lab, &format!("exec 2>&1; {script}"));
    format!("{}{}", said.replace('\n', " "), if code == 0 { "" } else { "!" })
}

#[test]
fn a_root_is_full_at_its_size_and_grows() {
    let base = Folder::new("rooms");
    let lab = Lab::new(sample::two_tier());
    if lab.plane.disks().is_err() {
        return;
    }
    let _init = boot_with(&lab, &base, Some(8 * MIB), None);
    let does = |script: &str| does(&lab, script);
    assert_eq!(does("df -B1 --output=size,target / | tail -1 | xargs"), "8388608 / ");
    // What does not fit is cut off where the room ends, and nothing of it is on the disk.
    assert_eq!(
        does("head -c 20M /dev/zero > /big"),
        "head: error writing 'standard output': No space left on device !"
    );
    let written: u64 = does("stat -c %s /big").trim().parse().unwrap();
    assert!((7 * MIB..=8 * MIB).contains(&written), "{written}");
    assert_eq!(
        does("head -c 100000 /dev/zero > /more"),
        "head: error writing 'standard output': No space left on device !"
    );
    assert_eq!(does("fallocate -l 1M /other"), "fallocate: fallocate failed: No space left on device !");
    assert_eq!(
        does("mkdir /a && mkdir /b"),
        "mkdir: cannot create directory '/a': No space left on device !"
    );
    // What is there is written over, and what goes makes room: at once, and when it is closed by who has it open.
    assert_eq!(does("dd if=/dev/zero of=/big bs=1M count=4 conv=notrunc status=none"), "");
    assert_eq!(does("rm /big && head -c 6M /dev/zero > /big && echo fits"), "fits ");
    assert_eq!(
        does(
            "exec 3</big; rm /big; head -c 4M /dev/zero > /new 2>/dev/null || echo full; exec 3<&-; head -c 4M /dev/zero > /new && echo fits"
        ),
        "full fits "
    );
    // The other folder's files are its, too; those that are nothing but holes take nothing.
    assert_eq!(does("truncate -s 1G /hole && mv /new /var/new && cat /var/new | wc -c"), "4194304 ");
    assert_eq!(
        does("head -c 6M /dev/zero > /hole"),
        "head: error writing 'standard output': No space left on device !"
    );
    room::resize(&base.join("disk"), 32 * MIB).unwrap();
    assert_eq!(
        does("head -c 20M /dev/zero > /hole && df -B1 --output=size / | tail -1 | tr -d ' '"),
        "33554432 "
    );
}

#[test]
fn a_root_that_is_counted_is_a_root_like_any_other() {
    is_like_any_other("counted", None);
}

#[test]
fn a_root_that_is_sealed_is_a_root_like_any_other() {
    is_like_any_other("sealed", Some(Key::new([3; 32], 1)));
}

fn is_like_any_other(name: &str, key: Option<Key>) {
    let base = Folder::new(name);
    let lab = Lab::new(sample::two_tier());
    if lab.plane.disks().is_err() {
        return;
    }
    let _init = boot_with(&lab, &base, Some(64 * MIB), key);
    let does = |script: &str| does(&lab, script);
    for (script, said) in [
        ("mkdir -p /d/e && echo one > /d/e/f && mv /d /g && cat /g/e/f", "one "),
        ("ln /g/e/f /h && echo two >> /h && cat /g/e/f && stat -c %h /h", "one two 2 "),
        ("ln -s e/f /g/l && cat /g/l && readlink /g/l", "one two e/f "),
        ("rm /g/e/f && cat /h && stat -c %h /h", "one two 1 "),
        ("chmod 4751 /h && stat -c %a /h && touch -d @1234 /h && stat -c %Y /h", "4751 1234 "),
        // Of the image: copied when it is written to, hidden when it is removed.
        (
            "echo 10.0.0.9 x >> /etc/hosts && tail -1 /etc/hosts && rm /etc/shells && ls /etc/shells",
            "10.0.0.9 x ls: cannot access '/etc/shells': No such file or directory !",
        ),
        (
            "mkdir /etc/shells && ls -A /etc/shells && rm -r /etc/alternatives && mkdir /etc/alternatives && ls -A /etc/alternatives",
            "",
        ),
        ("mkfifo /p && (echo three > /p &) && cat /p", "three "),
        ("cp /usr/bin/true /mine && /mine && echo ran", "ran "),
        ("for i in $(seq 300); do echo $i > /many-$i; done; ls / | grep -c many", "300 "),
        (
            "exec 3<>/gone; rm /gone; echo kept >&3; stat -L -c %h /proc/self/fd/3; cat /proc/self/fd/3",
            "0 kept ",
        ),
        (
            "echo a > /x; echo b > /y; mv /x /y; cat /y; ls /x",
            "a ls: cannot access '/x': No such file or directory !",
        ),
        ("mkdir /s && chmod 2775 /s && mkdir /s/t && stat -c %a /s/t", "2755 "),
        // Who reads of the image what another changes meanwhile reads what that has written.
        (
            "exec 3</etc/passwd; echo z:x:1:1::/:/ >> /etc/passwd; chmod 600 /etc/passwd; tail -1 <&3; stat -c %a /etc/passwd",
            "z:x:1:1::/:/ 600 ",
        ),
        (
            "ls -A / | grep -c sealing; getfattr -d /r /x 2>&1 | grep -c sealed; ls /.virga-sealing 2>/dev/null",
            "0 0 !",
        ),
        (
            "head -c 5000 /dev/urandom > /a1; cp /a1 /a2; for n in 4097 4096 33 7 0 20000; do truncate -s $n /a1 /a2; printf x >> /a1; printf x >> /a2; cmp /a1 /a2; stat -c %s /a1; done",
            "4098 4097 34 8 1 20001 ",
        ),
        (
            "fallocate -z -o 10 -l 5000 /a1 && fallocate -p -o 8000 -l 9000 /a1 && head -c 5010 /a1 | tail -c 5000 | tr -d '\\0' | wc -c && tail -c 1 /a1",
            "0 x",
        ),
        ("head -c 100000 /dev/urandom > /r && cp /r /r2 && cmp /r /r2 && sync && echo same", "same "),
    ] {
        assert_eq!(does(script), said, "{script}");
    }
}

#[test]
fn what_was_written_is_there_and_counted_after_a_restart() {
    let base = Folder::new("again");
    for (script, said) in [
        ("head -c 5M /dev/zero > /big; echo kept > /word; ln /big /same", ""),
        (
            "cat /word; rm /same; head -c 5M /dev/zero > /more",
            "kept head: error writing 'standard output': No space left on device !",
        ),
    ] {
        let lab = Lab::new(sample::two_tier());
        if lab.plane.disks().is_err() {
            return;
        }
        let _init = boot_with(&lab, &base, Some(8 * MIB), None);
        assert_eq!(does(&lab, script), said);
    }
}

/// All that lies below a folder.
fn lies(folder: &std::path::Path, word: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            out.extend(lies(&entry.path(), word));
        } else if entry.file_type().unwrap().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            if bytes.windows(word.len()).any(|part| part == word) {
                out.push(entry.path().display().to_string());
            }
        }
    }
    out
}

#[test]
fn what_a_sealed_root_holds_is_there_after_a_restart_and_lies_readable_nowhere() {
    let base = Folder::new("marks");
    let word = b"word-that-must-not-lie-there";
    // In parts, so that not even what asks for it says it.
    let write = "w=word-that; v=must-not; for f in /new /etc/hosts /etc/shells /srv/x; do echo $w-$v-lie-there >> $f; done; \
         mv /etc/shells /etc/other; ln /etc/hosts /etc/same; printf short > /short; cat /etc/other | wc -l";
    for (script, said) in [
        (write, "3 "),
        (
            "cat /new /srv/x /short; tail -1 /etc/same; rm /etc/same; cat /etc/hosts | wc -l",
            "word-that-must-not-lie-there word-that-must-not-lie-there shortword-that-must-not-lie-there 3 ",
        ),
    ] {
        let lab = Lab::new(sample::two_tier());
        if lab.plane.disks().is_err() {
            return;
        }
        let _init = boot_with(&lab, &base, Some(8 * MIB), Some(Key::new([9; 32], said.len() as u64)));
        assert_eq!(does(&lab, script), said);
        assert_eq!(lies(&base, word), Vec::<String>::new());
    }
    let upper = base.join("disk/upper");
    for name in ["new", "etc/hosts", "etc/other", "short"] {
        let file = std::fs::File::open(upper.join(name)).unwrap();
        assert!(Key::new([9; 32], 0).of(&file).unwrap().is_some(), "{name}");
    }
}

#[test]
fn what_is_to_be_sealed_is_not_written_by_who_cannot() {
    let base = Folder::new("unsealed");
    let lab = Lab::new(sample::two_tier());
    let image = base.join("image");
    std::fs::create_dir_all(&image).unwrap();
    let machine = host::Boot {
        layers: vec![image],
        disk: base.join("disk"),
        init: vec!["/bin/true".into()],
        key: Some(Key::new([9; 32], 1)),
        ..host::Boot::default()
    };
    assert!(lab.plane.boot("db", machine).is_err());
}

#[test]
fn a_root_is_as_fast_as_is_said() {
    let base = Folder::new("rates");
    let lab = Lab::new(sample::two_tier());
    if lab.plane.disks().is_err() {
        return;
    }
    let _init = boot_with(&lab, &base, Some(64 * MIB), None);
    let limit = |most| Limit { most, burst: None };
    let say = |operations, bytes| {
        let rate = Rate { operations: limit(operations), bytes: limit(bytes) };
        rate.say(&room::rate(&base.join("disk"))).unwrap();
        // It is looked at once a second.
        std::thread::sleep(Duration::from_millis(1_100));
    };
    let takes = |script: &str| {
        let began = Instant::now();
        assert_eq!(does(&lab, script), "", "{script}");
        began.elapsed().as_secs_f64()
    };
    say(1e6, 10.0 * 1_048_576.0);
    let slow = takes("dd if=/dev/zero of=/big bs=1M count=10 status=none");
    assert!((0.8..3.0).contains(&slow), "{slow}");
    // Small writes that go on are few operations; those here and there are one each.
    say(100.0, 1e12);
    let one = takes("dd if=/dev/zero of=/one bs=512 count=400 status=none");
    assert!(one < 1.0, "{one}");
    let many =
        takes("for n in 1 2 3 4 5 6 7 8 9 10; do for m in 1 2 3 4 5 6; do echo x > /f$n$m; done; done");
    assert!((0.4..3.0).contains(&many), "{many}");
    say(1e6, 1e12);
    assert!(takes("dd if=/dev/zero of=/big bs=1M count=10 conv=notrunc status=none") < 0.8);
}
