"""What quota and lfs quota print, and what is made of it."""

import pytest

from remote.quota import quotas

LINUX = """Disk quotas for user alice (uid 1000):
     Filesystem   space   quota   limit   grace   files   quota   limit   grace
      /dev/sda1  16384M  20480M  22528M             149k    200k    250k
"""
EXCEEDED = """Disk quotas for user alice (uid 1000):
     Filesystem   space   quota   limit   grace   files   quota   limit   grace
nas1.example.org:/export/home/structural_biology
                    21G*    20G     22G   6days   1204*   1000    1100    none
      /dev/sdb1     12G      0K      0K             88       0       0
"""
OLD = """Disk quotas for user alice (uid 1000):
     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
      /dev/hda3 4194304* 4000000 4500000   24:00       3       0       0
"""
LUSTRE = """Disk quotas for usr alice (uid 1000):
     Filesystem    used   quota   limit   grace   files   quota   limit   grace
      /scratch/  [1.94T]     2T    2.1T       -   90321       0 1000000       -
uid 1000 is using default file quota setting
Some errors happened when getting quota info. Some devices may be not working
"""
LUSTRE_OVER = """Disk quotas for usr alice (uid 1000):
     Filesystem    used   quota   limit   grace   files   quota   limit   grace
/lustre/projects/cryoem/very_long_name
                 2.05T*     2T    2.1T 6d23h59m41s   9       0       0       -
"""


def seen(text):
    return [
        (q.place, q.what, q.used, q.limit, q.is_exceeded, q.grace) for q in quotas(text)
    ]


def test_space_and_files_without_a_grace() -> None:
    assert seen(LINUX) == [
        ("/dev/sda1", "space", "16384M", "20480M", False, ""),
        ("/dev/sda1", "files", "149k", "200k", False, ""),
    ]
    space, files = quotas(LINUX)
    assert space.share == pytest.approx(0.8)
    assert files.share == pytest.approx(0.745)


def test_a_long_name_stands_on_its_own_line_and_what_is_exceeded_is_marked() -> None:
    place = "nas1.example.org:/export/home/structural_biology"
    assert seen(EXCEEDED) == [
        (place, "space", "21G", "20G", True, "6days"),
        (place, "files", "1204", "1000", True, "none"),
    ]


def test_blocks_of_older_versions() -> None:
    assert seen(OLD) == [("/dev/hda3", "space", "4194304", "4000000", True, "24:00")]


def test_lustre_with_a_server_that_did_not_answer() -> None:
    assert seen(LUSTRE) == [
        ("/scratch/", "space", "1.94T", "2T", False, ""),
        ("/scratch/", "files", "90321", "1000000", False, ""),
    ]
    assert quotas(LUSTRE)[0].share == pytest.approx(0.97)
    assert seen(LUSTRE_OVER) == [
        (
            "/lustre/projects/cryoem/very_long_name",
            "space",
            "2.05T",
            "2T",
            True,
            "6d23h59m41s",
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Disk quotas for user alice (uid 1000): none\n",
        "env: 'quota': No such file or directory\n",
        "quota: Cannot open quotafile /home/aquota.user: Permission denied\n",
        "quota command failed: not a lustre filesystem /home/alice.\n",
        "     Filesystem   space   quota   limit   grace   files\n",
        "     Filesystem   space   quota\n /home\n",
        "     Filesystem   space   quota\n /home x y z\n /home 1 2\n",
    ],
)
def test_where_there_is_no_limit_nothing_is_said(text) -> None:
    assert quotas(text) == []


GPFS = """\
                         Block Limits                                               |     File Limits
Filesystem Fileset    type         blocks      quota      limit   in_doubt    grace |    files   quota    limit in_doubt    grace  Remarks
scale      share      USR               0          0          0          0     none |        1       0        0        0     none scale.example.org
scale      home       USR           20.7G        50G        51G     426.2M     none |   369754 1000000  1100000       60     none scale.example.org
scale      projects   USR         10.35T        10T        12T     11.86G   6 days |  1000400 1000000  1100000       60   6 days
"""  # noqa: E501
GPFS_OLD = """\
                         Block Limits                                    |     File Limits
Filesystem type             KB      quota      limit   in_doubt    grace |    files   quota    limit in_doubt    grace  Remarks
gpfs0      USR      444181792 1073741824 1073741824    6072144     none |   815985       0        0     2462  expired
fs1        USR       no limits
"""  # noqa: E501
BEEGFS = """\

Quota information for storage pool scratch (ID: 1):

      user/group     ||           size          ||    chunk files
     name     |  id  ||    used    |    hard    ||  used   |  hard
--------------|------||------------|------------||---------|---------
         alice|588559||    4.75 TiB|    5.00 TiB||   278772|unlimited

Quota information for storage pool home (ID: 2):

      user/group     ||           size          ||    chunk files
     name     |  id  ||    used    |    hard    ||  used   |  hard
--------------|------||------------|------------||---------|---------
         alice|588559||      0 Byte|   30.00 GiB||  1000002|  1000000
"""


def test_gpfs_has_filesets_and_what_is_in_doubt() -> None:
    """As in the guides of Trixie, RIS (WashU) and Raven: IBM's mmlsquota."""
    assert seen(GPFS) == [
        ("scale:home", "space", "20.7G", "50G", False, ""),
        ("scale:home", "files", "369754", "1000000", False, ""),
        ("scale:projects", "space", "10.35T", "10T", True, "6 days"),
        ("scale:projects", "files", "1000400", "1000000", True, "6 days"),
    ]
    assert seen(GPFS_OLD) == [
        ("gpfs0", "space", "444181792K", "1073741824K", False, "")
    ]
    assert quotas(GPFS_OLD)[0].share == pytest.approx(0.4137, abs=1e-3)


def test_beegfs_has_a_table_for_each_storage_pool() -> None:
    """As DelftBlue, Baobab and UCI print it; v7's beegfs-ctl."""
    assert seen(BEEGFS) == [
        ("BeeGFS pool scratch", "space", "4.75T", "5.00T", False, ""),
        ("BeeGFS pool home", "space", "0", "30.00G", False, ""),
        ("BeeGFS pool home", "files", "1000002", "1000000", True, ""),
    ]
    assert quotas(BEEGFS)[0].share == pytest.approx(0.95)
