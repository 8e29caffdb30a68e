//! What help says below the flags.

pub(super) const EXAMPLES: &str = "\
Examples:
  eulerscope sweep
  eulerscope sweep --step-size 'log(0.01,2,64)' --radius 0.5,1 --out results
  eulerscope sweep spec.toml --device cpu --json
  eulerscope sweep results/run.json
  eulerscope spectrum --ensemble elliptic --tau 0.5 --width 128
  eulerscope lyapunov --weights iid --step-size 0.1 --top 4
  eulerscope essay --quick
  eulerscope report results
  eulerscope devices

The update is x <- (1 - gamma) x + h f(x). A Transformer has h = 1 and gamma = 0.

Exit codes: 0 ok, 2 usage, 3 some members failed or interrupted with Ctrl-C, 4 invalid input, 5 no adapter, \
6 device failure or out of memory, 7 input/output, 8 --resume of another run, 9 verification failed, 10 a bug, \
130 after a second Ctrl-C";

pub(super) const SWEEP_EXAMPLES: &str = "\
A GRID is a number, `lin(0.01,2,64)`, `log(1e-3,2,64)` (start,end,count), or a list of these such as `0.1,0.5,1`.

Examples:
  eulerscope sweep --members 4096 --damping 0,0.1,0.5
  eulerscope sweep --weights iid --step-scaling inverse-sqrt-depth --depth 200
  eulerscope sweep --model transformer --heads 8 --mask causal --plan
  eulerscope sweep --step-size 1 --radius 1 --sweep-over 'depth=log(8,1024,8)'
  eulerscope sweep --model mlp --sweep-over depth=10,80 --sweep-over width=8,16
  eulerscope sweep results/run.json --device reference
  eulerscope sweep --checkpoint model/ --text paragraph.txt --step-size 0.5,0.8,1,1.2,1.5,2
  eulerscope sweep --checkpoint model/ --text paragraph.txt --damping 0,0.01,0.02,0.05

SPEC.toml holds the same keys with `_` for `-`; flags win:
  width = 64
  step_size = \"log(0.01,2,64)\"
  radius = [0.5, 1.0]
  sweep_over = { depth = \"10,100,1000\" }";

pub(super) const SPECTRUM_EXAMPLES: &str = "\
With --step-size or --damping it speaks of the step M = (1 - gamma) I + h A instead of A.

Examples:
  eulerscope spectrum --members 10000 --width 32
  eulerscope spectrum --matrix jacobians.npy --json
  eulerscope spectrum --checkpoint model/ --prompt 'Explain why Mercury is important.'
  eulerscope spectrum --step-size 0.1 --radius 1.2 --damping 0.05
  eulerscope spectrum spectra/run.json

SPEC.toml holds the same keys with `_` for `-`; flags win.";

pub(super) const LYAPUNOV_EXAMPLES: &str = "\
Exponents are natural logarithms per step.

Examples:
  eulerscope lyapunov --step-size 0.1 --damping 0.1
  eulerscope lyapunov --weights tied --width 16 --depth 5000 --json
  eulerscope lyapunov exponents/run.json
  eulerscope lyapunov --checkpoint model.gguf --prompt 'Mercury is a' --top 32

SPEC.toml holds the same keys with `_` for `-`; flags win.";

pub(super) const ESSAY_EXAMPLES: &str = "\
The essay is \"AI is Dumb. Here's the Proof.\" Each claim is put as statements about numbers; a verdict follows from them.

Examples:
  eulerscope essay --quick
  eulerscope essay --out verdicts
  eulerscope essay friction no-friction
  eulerscope essay everywhere --checkpoint model/
  eulerscope essay verdicts/run.json --device reference";

pub(super) const SLURM_EXAMPLES: &str = "\
Each task does one shard and goes on where it was when it runs again; a job behind the array merges the shards into \
DIR/merged once all of them are there. What the tasks need is left in DIR/slurm, with what they print.

Clusters want few tasks that take long: give each of them minutes at least, and the controller no more than ten a minute.

A task that ends with 6 (device) or 7 (input/output) is requeued, three times at most; 2, 4, 5 and 8 would be the same \
again, so the task fails and nothing is merged: mend it, then `slurm --retry DIR`.

Examples:
  eulerscope slurm sweep.toml --tasks 16 --out results > submit.sh
  eulerscope slurm sweep.toml --tasks 16 --out results --device gpu --sbatch '--gres=gpu:1 --time=1:00:00' --submit
  eulerscope slurm --retry results --sbatch '--gres=gpu:1 --time=4:00:00' --submit";

pub(super) const KUBERNETES_EXAMPLES: &str = "\
The manifest has the specification in a ConfigMap, an indexed Job whose pods do one shard each into the volume at \
--out, and a suspended Job that merges them into --out/merged; its first lines say how to apply it.

A pod that ends with 6 (device) or 7 (input/output) is tried again, three times at most; 2, 4, 5 and 8 would be the \
same again and fail their index at once.

Examples:
  eulerscope kubernetes sweep.toml --tasks 16 --out /results --image registry/eulerscope:0.1 > job.yaml
  eulerscope kubernetes sweep.toml --tasks 16 --out /results --image eulerscope --limit nvidia.com/gpu=1";

pub(super) const REPORT_EXAMPLES: &str = "\
Every command with --out writes the page as well; this makes it anew.

Examples:
  eulerscope sweep --out results
  eulerscope report results";

pub(super) const MERGE_EXAMPLES: &str = "\
Every unit of work has to be there; `status DIR` says what is missing. The result has the same bits as that of one run.

Examples:
  eulerscope sweep spec.toml --out shards --shard 1/2
  eulerscope sweep spec.toml --out shards --shard 2/2
  eulerscope merge shards --out results";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  eulerscope completions bash > ~/.local/share/bash-completion/completions/eulerscope
  eulerscope completions zsh > \"${fpath[1]}/_eulerscope\"
  eulerscope completions fish > ~/.config/fish/completions/eulerscope.fish";
