from remote.cluster import Cluster
from remote.ssh_config import IGNORED, ignored_keys


def keys(tmp_path, text, host="login.site"):
    path = tmp_path / "config"
    path.write_text(text)
    return [
        (key, place.rpartition(" line ")[2])
        for key, place, _ in ignored_keys(
            Cluster(name="c", host=host, ssh_config=str(path))
        )
    ]


def test_keys_of_this_host_are_named_with_their_line(tmp_path):
    text = (
        "Host other\n ControlMaster auto\n"
        "Host *.site !bad.site\n  StrictHostKeyChecking=no\n  Port 2222\n"
        '  controlpath "~/.ssh/%C"\n'
        "Match host login.site\n KnownHostsCommand /bin/x\n"
        "Match exec true\n VerifyHostKeyDNS yes\n"
    )
    assert keys(tmp_path, text) == [
        ("StrictHostKeyChecking", "4"),
        ("ControlPath", "6"),
        ("KnownHostsCommand", "8"),
    ]
    assert keys(tmp_path, text, "bad.site") == []


def test_included_files_are_read_and_loops_end(tmp_path):
    (tmp_path / "more").write_text(f"ControlMaster auto\nInclude {tmp_path}/config\n")
    assert keys(tmp_path, f"Include {tmp_path}/mor*\n") == [("ControlMaster", "1")]


def test_what_is_no_config_is_no_error(tmp_path):
    assert keys(tmp_path, "Include ~nobody-of-that-name/config\n") == []
    assert keys(tmp_path, '"unclosed\n\x00\n=\n # c\nHost\n') == []


def test_asyncssh_really_ignores_these_keys():
    from asyncssh.config import SSHClientConfig

    assert not set(IGNORED) & set(SSHClientConfig._handlers)
