//! Kubernetes: the manifest of an indexed Job, each pod of which does a shard, and of a Job that merges them.

use super::MERGED;
use crate::error::Result;
use crate::invalid;
use crate::spec::grid::shown;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The container of a pod.
const CONTAINER: &str = "eulerscope";
/// Where pods find the specification.
const SPECIFICATION: &str = "/etc/eulerscope";
/// The most bytes of a ConfigMap's data.
const LARGEST_CONFIG: usize = 1 << 20;
/// The most pods of a Job whose failed indices are counted one by one, for which Kubernetes asks nothing more.
const MOST_TASKS: usize = 10_000;
/// How often an index is tried again.
const MOST_RETRIES: usize = 3;
/// Exit codes that would be the same again: usage, input, no adapter, another specification, damaged files, a bug.
const HOPELESS: [u8; 6] = [2, 4, 5, 8, 9, 10];
/// Exit codes of what may pass: stopped in the middle, a failed device, a failed disk.
const PASSING: [u8; 3] = [3, 6, 7];

/// A sweep as a Job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// The specification.
    pub spec: Value,
    /// How many shards, one for each completion.
    pub tasks: usize,
    /// The image with the program.
    pub image: String,
    /// The folder of the results in the containers, where the volume is mounted; absolute.
    pub folder: PathBuf,
    /// The name of the Job and of what belongs to it.
    pub name: String,
    /// The persistent volume claim for the results.
    pub claim: String,
    /// Pods at a time; none: all.
    pub parallel: Option<usize>,
    /// May a shard go on on another kind of device, whose last bits may differ?
    pub any_device: bool,
    /// Limits of the resources of a pod.
    pub limits: Vec<Limit>,
}

/// So much of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Such as `nvidia.com/gpu` or `memory`.
    pub resource: String,
    /// Such as `1` or `8Gi`.
    pub amount: String,
}

impl Limit {
    /// Reads `RESOURCE=AMOUNT`.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let plain =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "./-_".contains(c));
        match text.split_once('=') {
            Some((resource, amount)) if plain(resource) && plain(amount) => {
                Ok(Limit { resource: resource.to_string(), amount: amount.to_string() })
            }
            _ => invalid!("limit: `{}` is not RESOURCE=AMOUNT, such as nvidia.com/gpu=1 or memory=8Gi", shown(text)),
        }
    }
}

impl Request {
    /// Refuses what Kubernetes would refuse.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] with the flag to change.
    pub fn check(&self) -> Result<()> {
        if !(1..=MOST_TASKS).contains(&self.tasks) {
            return invalid!("tasks: {} is not between 1 and {MOST_TASKS}; make the shards larger", self.tasks);
        }
        // Pods are called after the Job, with their index and five letters behind its name.
        let letters = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let is_label = |name: &str| letters(name) && !name.starts_with('-') && !name.ends_with('-') && !name.is_empty();
        for (flag, name, most) in [("name", &self.name, 45), ("claim", &self.claim, 63)] {
            if !is_label(name) || name.len() > most {
                return invalid!(
                    "{flag}: `{}` is no name for Kubernetes; take up to {most} small letters, digits and -",
                    shown(name)
                );
            }
        }
        if self.image.is_empty() || self.image.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return invalid!(
                "image: `{}` is no name of an image; write such as registry/eulerscope:0.1",
                shown(&self.image)
            );
        }
        if self.parallel == Some(0) {
            return invalid!("parallel: no pod may run; give at least 1");
        }
        match self.folder.to_str() {
            Some(text) if text.starts_with('/') && !text.contains(':') && !text.chars().any(char::is_control) => {}
            _ => {
                let folder = self.folder.display().to_string();
                return invalid!(
                    "out: `{}` is no folder of a container; write an absolute path such as /results",
                    shown(&folder)
                );
            }
        }
        if self.record().len() > LARGEST_CONFIG {
            return invalid!(
                "the specification is larger than the 1 MiB of a ConfigMap; put what is long in files of the volume"
            );
        }
        Ok(())
    }

    /// The specification as a record of a run, which the program reads.
    fn record(&self) -> String {
        json!({ "eulerscope": env!("CARGO_PKG_VERSION"), "command": "sweep", "spec": self.spec }).to_string()
    }

    /// The manifest; `device` is every pod's.
    pub fn manifest(&self, device: &str) -> String {
        let Request { tasks, name, .. } = self;
        let folder = self.folder.to_string_lossy();
        let map = text(name);
        let merge = text(&format!("{name}-merge"));
        let count = format!("auto/{tasks}");
        let file = format!("{SPECIFICATION}/run.json");
        let mut sweep = vec!["sweep", &file, "--device", device, "--shard", &count, "--resume=auto", "--out", &folder];
        sweep.extend(self.any_device.then_some("--any-device"));
        let merged = self.folder.join(MERGED);
        let pod = self.pod(&sweep);
        let merging = self.pod(&["merge", &folder, "--out", &merged.to_string_lossy()]);
        let record = text(&self.record());
        let parallel = self.parallel.unwrap_or(*tasks).min(*tasks);
        format!(
            "\
# A sweep in {tasks} shards. Apply it; when all shards are there, let the second Job merge them:
#   kubectl apply -f FILE
#   kubectl wait --for=condition=complete --timeout=-1s job/{name}
#   kubectl patch job/{name}-merge --type=merge --patch '{{\"spec\":{{\"suspend\":false}}}}'
# Pods on several nodes need a claim that all of them can write (ReadWriteMany).
apiVersion: v1
kind: ConfigMap
metadata:
  name: {map}
data:
  run.json: {record}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {map}
spec:
  completionMode: Indexed
  completions: {tasks}
  parallelism: {parallel}
  backoffLimitPerIndex: {MOST_RETRIES}
  podFailurePolicy:
    rules:
    # Evicted or preempted: the shard goes on in another pod, and nothing is counted.
    - action: Ignore
      onPodConditions:
      - type: DisruptionTarget
        status: \"True\"
    # It would be the same again: usage, input, no adapter, another specification, damaged files, a bug.
    - action: FailIndex
      onExitCodes:
        containerName: {CONTAINER}
        operator: In
        values: {hopeless}
    # It may pass: stopped in the middle, a failed device, a failed disk.
    - action: Count
      onExitCodes:
        containerName: {CONTAINER}
        operator: In
        values: {passing}
{pod}---
apiVersion: batch/v1
kind: Job
metadata:
  name: {merge}
spec:
  suspend: true
  backoffLimit: 0
{merging}",
            hopeless = json!(HOPELESS),
            passing = json!(PASSING),
        )
    }

    /// The template of a pod that runs the program with these arguments.
    fn pod(&self, arguments: &[&str]) -> String {
        let [image, claim, name, folder] =
            [&self.image, &self.claim, &self.name, self.folder.to_string_lossy().as_ref()].map(text);
        let arguments: String = arguments.iter().map(|argument| format!("        - {}\n", text(argument))).collect();
        let limits = match &self.limits[..] {
            [] => String::new(),
            limits => {
                let line = |limit: &Limit| format!("            {}: {}\n", text(&limit.resource), text(&limit.amount));
                format!("        resources:\n          limits:\n{}", limits.iter().map(line).collect::<String>())
            }
        };
        format!(
            "  template:
    spec:
      restartPolicy: Never
      # Asked to stop, the program finishes its unit of work.
      terminationGracePeriodSeconds: 120
      containers:
      - name: {CONTAINER}
        image: {image}
        command:
        - eulerscope
        args:
{arguments}{limits}        workingDir: {folder}
        volumeMounts:
        - name: results
          mountPath: {folder}
        - name: specification
          mountPath: {SPECIFICATION}
          readOnly: true
      volumes:
      - name: results
        persistentVolumeClaim:
          claimName: {claim}
      - name: specification
        configMap:
          name: {name}
"
        )
    }
}

/// A text as YAML takes it: what JSON calls a string is one there too.
fn text(text: &str) -> String {
    json!(text).to_string()
}
