"""Checks a manifest against the schemas of Kubernetes and what it means for our exit codes, and leaves the specification in a
file. Usage: kubernetes.py MANIFEST RECORD"""

import copy
import pathlib
import sys

import kubernetes_validate
import yaml

VERSIONS = ["1.29", "1.33", "1.37"]
"""The first that has backoffLimitPerIndex by default, that in which it is stable, the newest here."""


def refused(document, version):
    """Does the strict schema of a version refuse a document?"""
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return error.message
    return None


def action(rules, code):
    """What the first rule that knows an exit code does, as Kubernetes reads them."""
    for rule in rules:
        codes = rule.get("onExitCodes", {"operator": "In", "values": []})
        assert codes["operator"] == "In"
        if code in codes["values"]:
            return rule["action"]
    return "Count"


manifest, record = map(pathlib.Path, sys.argv[1:])
config, job, merge = yaml.safe_load_all(manifest.read_text())
assert [each["kind"] for each in (config, job, merge)] == ["ConfigMap", "Job", "Job"]
for version in VERSIONS:
    for document in (config, job, merge):
        assert refused(document, version) is None, (version, refused(document, version))

# The check bites: a field that is misspelt, one of another type, and one that is missing.
for damage in (
    lambda spec: spec.update(completionsMode="Indexed"),
    lambda spec: spec.update(completions="40"),
    lambda spec: spec["podFailurePolicy"]["rules"][1].pop("action"),
    lambda spec: spec["template"]["spec"]["containers"][0].pop("name"),
):
    damaged = copy.deepcopy(job)
    damage(damaged["spec"])
    assert refused(damaged, VERSIONS[-1]), damaged

spec = job["spec"]
assert spec["completionMode"] == "Indexed" and spec["completions"] == 40 and spec["parallelism"] == 7
assert spec["backoffLimitPerIndex"] >= 1
rules = spec["podFailurePolicy"]["rules"]
assert all(action(rules, code) == "FailIndex" for code in (2, 4, 5, 8)), rules
assert all(action(rules, code) == "Count" for code in (3, 6, 7, 137)), rules
assert rules[0]["action"] == "Ignore" and rules[0]["onPodConditions"][0]["type"] == "DisruptionTarget"

# What the schema does not say: names that refer to each other, and what the API server asks of such Jobs.
pod = spec["template"]["spec"]
(container,) = pod["containers"]
assert pod["restartPolicy"] == "Never"
assert all(rule.get("onExitCodes", {"containerName": container["name"]})["containerName"] == container["name"] for rule in rules)
mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
volumes = {volume["name"]: volume for volume in pod["volumes"]}
assert volumes["results"]["persistentVolumeClaim"]["claimName"] == "disk"
assert volumes["specification"]["configMap"]["name"] == config["metadata"]["name"] == "a-sweep"
assert container["image"] == "registry:5000/eulerscope:0.1"
folder = '/the "results"'
assert mounts["results"] == folder
assert container["command"] + container["args"] == [
    "eulerscope", "sweep", mounts["specification"] + "/run.json", "--device", 'an "adapter\'s" name', "--shard", "auto/40",
    "--resume=auto", "--out", folder, "--any-device",
]
(merging,) = merge["spec"]["template"]["spec"]["containers"]
assert merge["spec"]["suspend"] is True and merge["metadata"]["name"] != job["metadata"]["name"]
assert merging["args"] == ["merge", folder, "--out", folder + "/merged"]
assert merging["volumeMounts"][0]["mountPath"] == folder
for each in (container, merging):
    assert each["resources"]["limits"] == {"nvidia.com/gpu": "1", "memory": "8Gi"}, "the merge opens the device too"
record.write_text(config["data"]["run.json"])
