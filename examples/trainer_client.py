"""Two turns through the router, then the exact tokens to train on. Usage: trainer_client.py [ROUTER_URL]"""
import json, sys, urllib.request

ROUTER = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:30000"

def post(path, body):
    request = urllib.request.Request(ROUTER + path, json.dumps(body).encode(), {"x-session-id": "example"})
    return json.load(urllib.request.urlopen(request))

text = ""
for question in ("What is a radix tree?", "And what is it good for?"):
    text += f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    reply = post("/generate", {"text": text, "sampling_params": {"max_new_tokens": 64}})
    text += reply["text"] + "<|im_end|>\n"

rows = post("/retrieve_from_text", {"text": text, "insert": False})
for row in zip(rows["tokens"], rows["loss_mask"], rows["rollout_logp"], rows["generation_versions"]):
    print(*row)
