import subprocess

import pytest

from remote.known_hosts import KnownHosts, fingerprint, name_of

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOZXkRwk+soenS3QqNgT2I1NTEhPJSfvinB8wZSt/8Gu"


@pytest.fixture
def known(tmp_path):
    return KnownHosts([tmp_path / "ssh" / "known_hosts", tmp_path / "global"])


def test_an_added_key_is_found_by_ssh_keygen_too(known):
    path = known.add(name_of("login.site", 2222), "ssh-ed25519", KEY)
    said = subprocess.run(
        ["ssh-keygen", "-F", "[login.site]:2222", "-f", path],
        check=True,
        capture_output=True,
        text=True,
    )
    assert KEY in said.stdout
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_hashed_file_stays_hashed(known):
    path = known.add("first.site", "ssh-ed25519", KEY)
    subprocess.run(["ssh-keygen", "-H", "-f", path], check=True, capture_output=True)
    known.add("second.site", "ssh-ed25519", KEY)
    assert "site" not in path.read_text()
    for host in ("first.site", "second.site"):
        (found,) = known.find([host])
        assert found.key == KEY
        said = subprocess.run(
            ["ssh-keygen", "-F", host, "-f", path], check=False, capture_output=True
        )
        assert said.returncode == 0
    assert known.find(["third.site"]) == []


def test_a_file_without_a_last_newline_is_not_glued_to(known):
    path = known.files[0]
    path.parent.mkdir()
    path.write_text(f"a.site ssh-ed25519 {KEY}")
    known.add("b.site", "ssh-ed25519", KEY)
    assert [len(known.find([h])) for h in ("a.site", "b.site")] == [1, 1]


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("login?.site", "login2.site", True),
        ("*.site", "a.b.site", True),
        ("*.site,!bad.site", "bad.site", False),
        ("!bad.site,*.site", "bad.site", False),
        ("[10.0.0.1]:2222", "[10.0.0.1]:2222", True),
        ("10.0.0.1", "[10.0.0.1]:2222", False),
        ("LOGIN.site", "login.SITE", True),
        ("|1|broken", "login.site", False),
        ("|1|AAAA|!!!!", "login.site", False),
    ],
)
def test_patterns_match_as_in_openssh(known, pattern, host, matches):
    known.files[0].parent.mkdir()
    known.files[0].write_text(
        f"# comment\n\n{pattern} ssh-ed25519 {KEY}\nhalf a line\n"
    )
    assert bool(known.find([host])) is matches


def test_markers_and_lines_are_told(known):
    known.files[0].parent.mkdir()
    known.files[0].write_text(
        f"@revoked * ssh-ed25519 {KEY}\n@cert-authority *.site ssh-rsa {KEY}\n"
    )
    found = known.find(["a.site"])
    assert [(k.marker, k.line) for k in found] == [
        ("revoked", 1),
        ("cert-authority", 2),
    ]


def test_fingerprint_is_ssh_keygens(tmp_path):
    path = tmp_path / "key.pub"
    path.write_text(f"ssh-ed25519 {KEY} x\n")
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True
    )
    assert fingerprint(KEY) == said.stdout.split()[1]
