"""Everfresh's built-in models as plain PyTorch modules, with the same names of tensors.

The layouts are torchvision's (checked by golden_models.py where torchvision is installed), written
again here so that benches need PyTorch alone. `build` takes Everfresh's names and options; smooth
models have Softplus where others have ReLU, and Sigmoid for ReLU6.
"""

import torch
from torch import nn

ACTIVATIONS = {False: (nn.ReLU, nn.ReLU6), True: (nn.Softplus, nn.Sigmoid)}


def conv(inputs, filters, kernel, stride=1, groups=1):
    padding = (kernel - 1) // 2
    return nn.Conv2d(inputs, filters, kernel, stride, padding, groups=groups, bias=False)


class Module(nn.Module):
    """A model whose tensors may lie otherwise in Everfresh."""

    def load(self, tensors):
        """Takes over Everfresh's tensors, by name."""
        state = self.state_dict()
        for name, value in self.to_torch(tensors).items():
            state[name].copy_(value)

    def to_torch(self, tensors):
        return tensors

    def from_torch(self, tensors):
        return tensors


class Lenet5(Module):
    def __init__(self, smooth=False):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)
        self.activation = ACTIVATIONS[smooth][0]()

    def forward(self, x):
        f = self.activation
        x = nn.functional.max_pool2d(f(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(f(self.conv2(x)), 2).flatten(1)
        return self.fc3(f(self.fc2(f(self.fc1(x)))))


class Mlp(Module):
    def __init__(self, inputs, hidden, outputs, smooth=False):
        super().__init__()
        sizes = [inputs, *hidden, outputs]
        for i in range(len(sizes) - 1):
            self.add_module(f"fc{i + 1}", nn.Linear(sizes[i], sizes[i + 1]))
        self.depth = len(sizes) - 1
        self.activation = ACTIVATIONS[smooth][0]()

    def forward(self, x):
        for i in range(1, self.depth):
            x = self.activation(getattr(self, f"fc{i}")(x))
        return getattr(self, f"fc{self.depth}")(x)


class ResidualBlock(nn.Module):
    """Convolutions with BatchNorm beside a shortcut; ReLU between them and after the sum."""

    def __init__(self, convolutions, shortcut_name, shortcut, activation):
        super().__init__()
        self.count = len(convolutions)
        for i, convolution in enumerate(convolutions):
            self.add_module(f"conv{i + 1}", convolution)
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(convolution.out_channels))
        self.shortcut_name = shortcut_name
        if shortcut is not None:
            norm = nn.BatchNorm2d(shortcut.out_channels)
            self.add_module(shortcut_name, nn.Sequential(shortcut, norm))
        self.activation = activation()

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.count:
                y = self.activation(y)
        shortcut = getattr(self, self.shortcut_name, None)
        return self.activation(y + (x if shortcut is None else shortcut(x)))


class Resnet(Module):
    def __init__(self, block, blocks, width=64, classes=10, smooth=False):
        super().__init__()
        activation = ACTIVATIONS[smooth][0]
        expansion = 4 if block == "bottleneck" else 1
        self.conv1 = conv(3, width, 7, 2)
        self.bn1 = nn.BatchNorm2d(width)
        self.activation = activation()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = width
        self.depth = len(blocks)
        for layer, count in enumerate(blocks):
            members = []
            for i in range(count):
                inner = width << layer
                stride = 2 if layer > 0 and i == 0 else 1
                convolutions = (
                    [conv(inputs, inner, 3, stride), conv(inner, inner, 3)]
                    if expansion == 1
                    else [
                        conv(inputs, inner, 1),
                        conv(inner, inner, 3, stride),
                        conv(inner, 4 * inner, 1),
                    ]
                )
                outputs = expansion * inner
                changes = stride != 1 or inputs != outputs
                shortcut = conv(inputs, outputs, 1, stride) if changes else None
                members.append(ResidualBlock(convolutions, "downsample", shortcut, activation))
                inputs = outputs
            self.add_module(f"layer{layer + 1}", nn.Sequential(*members))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.activation(self.bn1(self.conv1(x))))
        for layer in range(1, self.depth + 1):
            x = getattr(self, f"layer{layer}")(x)
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class CifarResnet(Module):
    def __init__(self, blocks=3, width=16, classes=10, smooth=False):
        super().__init__()
        activation = ACTIVATIONS[smooth][0]
        self.conv1 = conv(3, width, 3)
        self.bn1 = nn.BatchNorm2d(width)
        self.activation = activation()
        inputs = width
        for stage in range(3):
            members = []
            for i in range(blocks):
                outputs = width << stage
                stride = 2 if stage > 0 and i == 0 else 1
                shortcut = conv(inputs, outputs, 1, stride) if inputs != outputs else None
                convolutions = [conv(inputs, outputs, 3, stride), conv(outputs, outputs, 3)]
                members.append(ResidualBlock(convolutions, "shortcut", shortcut, activation))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*members))
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.activation(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth, activation):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, 4 * growth, 1)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = conv(4 * growth, growth, 3)
        self.activation = activation()

    def forward(self, parts):
        y = self.conv1(self.activation(self.norm1(torch.cat(parts, 1))))
        return self.conv2(self.activation(self.norm2(y)))


class DenseBlock(nn.Module):
    def __init__(self, inputs, layers, growth, activation):
        super().__init__()
        for i in range(layers):
            layer = DenseLayer(inputs + i * growth, growth, activation)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x):
        parts = [x]
        for layer in self.children():
            parts.append(layer(parts))
        return torch.cat(parts, 1)


class Transition(nn.Module):
    def __init__(self, inputs, activation):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = conv(inputs, inputs // 2, 1)
        self.pool = nn.AvgPool2d(2)
        self.activation = activation()

    def forward(self, x):
        return self.pool(self.conv(self.activation(self.norm(x))))


class Densenet(Module):
    def __init__(self, growth, blocks, stem, classes=10, smooth=False):
        super().__init__()
        activation = ACTIVATIONS[smooth][0]
        self.features = nn.Sequential()
        self.features.add_module("conv0", conv(3, stem, 7, 2))
        self.features.add_module("norm0", nn.BatchNorm2d(stem))
        self.features.add_module("relu0", activation())
        self.features.add_module("pool0", nn.MaxPool2d(3, 2, 1))
        inputs = stem
        for i, layers in enumerate(blocks):
            block = DenseBlock(inputs, layers, growth, activation)
            self.features.add_module(f"denseblock{i + 1}", block)
            inputs += layers * growth
            if i < len(blocks) - 1:
                self.features.add_module(f"transition{i + 1}", Transition(inputs, activation))
                inputs //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(inputs))
        self.activation = activation()
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.activation(self.features(x))
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


def conv_norm(inputs, filters, kernel, activation, stride=1, groups=1):
    convolution = conv(inputs, filters, kernel, stride, groups)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters), activation())


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion, activation):
        super().__init__()
        hidden = inputs * expansion
        parts = [] if expansion == 1 else [conv_norm(inputs, hidden, 1, activation)]
        parts.append(conv_norm(hidden, hidden, 3, activation, stride, hidden))
        parts += [conv(hidden, outputs, 1), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*parts)
        self.keeps_shape = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.keeps_shape else self.conv(x)


def channels_of(channels):
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class Mobilenet(Module):
    STAGES = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]

    def __init__(self, width=1, classes=10, dropout=0.2, smooth=False):
        super().__init__()
        activation = ACTIVATIONS[smooth][1]
        inputs = channels_of(32 * width)
        features = [conv_norm(3, inputs, 3, activation, 2)]
        for expansion, channels, count, stride in self.STAGES:
            for i in range(count):
                outputs = channels_of(channels * width)
                first = stride if i == 0 else 1
                features.append(InvertedResidual(inputs, outputs, first, expansion, activation))
                inputs = outputs
        last = channels_of(1280 * max(1, width))
        features.append(conv_norm(inputs, last, 1, activation))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, classes))

    def forward(self, x):
        x = nn.functional.adaptive_avg_pool2d(self.features(x), 1)
        return self.classifier(x.flatten(1))


class TransformerEncoder(Module):
    def __init__(
        self,
        vocabulary,
        length,
        classes=2,
        width=128,
        heads=4,
        layers=2,
        feedForward=None,
        dropout=0.1,
        normFirst=False,
        activation="relu",
        positions="learned",
        smooth=False,
    ):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        if positions == "learned":
            self.positions = nn.Embedding(length, width)
        else:
            places = torch.arange(length).double()[:, None]
            even = torch.arange(0, width, 2).double()
            angles = places / 10000 ** (even / width)
            table = torch.stack([angles.sin(), angles.cos()], 2).reshape(length, width)
            self.register_buffer("sinusoids", table.float(), persistent=False)
        layer = nn.TransformerEncoderLayer(
            width,
            heads,
            feedForward or 4 * width,
            dropout,
            nn.functional.softplus if smooth and activation == "relu" else activation,
            batch_first=True,
            norm_first=normFirst,
        )
        norm = nn.LayerNorm(width) if normFirst else None
        self.encoder = nn.TransformerEncoder(layer, layers, norm, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        places = self.positions.weight if hasattr(self, "positions") else self.sinusoids
        return self.head(self.encoder(self.embedding(x.long()) + places).mean(1))


class LstmClassifier(Module):
    def __init__(self, vocabulary, length, classes=2, width=64, hidden=128, layers=1, smooth=False):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x.long()))[1][0][-1])

    def to_torch(self, tensors):
        """Gates from ONNX's order (input, output, forget, cell), biases in two parts."""
        result = {}
        for name, value in tensors.items():
            if not name.startswith("lstm."):
                result[name] = value
                continue
            _, layer, kind = name.split(".")
            if kind == "bias":
                for part, half in zip(("bias_ih", "bias_hh"), value[0].chunk(2)):
                    result[f"lstm.{part}_l{layer}"] = self.reordered(half, (0, 2, 3, 1))
            else:
                result[f"lstm.{kind}_l{layer}"] = self.reordered(value[0], (0, 2, 3, 1))
        return result

    def from_torch(self, tensors):
        result = {}
        for name, value in tensors.items():
            if not name.startswith("lstm."):
                result[name] = value
                continue
            kind, layer = name.removeprefix("lstm.").rsplit("_l", 1)
            value = self.reordered(value, (0, 3, 1, 2))
            if kind == "bias_hh":
                first = result[f"lstm.{layer}.bias"][0]
                result[f"lstm.{layer}.bias"] = torch.cat([first, value])[None]
            else:
                place = "bias" if kind == "bias_ih" else kind
                result[f"lstm.{layer}.{place}"] = value[None]
        return result

    @staticmethod
    def reordered(value, order):
        gates = value.chunk(4)
        return torch.cat([gates[i] for i in order])


class DlrmSmall(Module):
    def __init__(
        self, dense, categories, width=16, bottom=(64, 32), top=(64, 32), outputs=1, smooth=False
    ):
        super().__init__()
        activation = ACTIVATIONS[smooth][0]
        count = len(categories) + 1
        self.dense = dense
        self.emb_l = nn.ModuleList(nn.Embedding(rows, width) for rows in categories)
        self.bot_l = self.perceptron([dense, *bottom, width], activation, last=True)
        interactions = width + count * (count - 1) // 2
        self.top_l = self.perceptron([interactions, *top, outputs], activation, last=False)
        lower = torch.tril_indices(count, count, -1)
        self.register_buffer("pairs", lower[0] * count + lower[1], persistent=False)

    @staticmethod
    def perceptron(sizes, activation, last):
        layers = []
        for i in range(len(sizes) - 1):
            layers.append(nn.Linear(sizes[i], sizes[i + 1]))
            if last or i < len(sizes) - 2:
                layers.append(activation())
        return nn.Sequential(*layers)

    def forward(self, x):
        base = self.bot_l(x[:, : self.dense])
        ids = x[:, self.dense :].long()
        vectors = [table(ids[:, i]) for i, table in enumerate(self.emb_l)]
        stacked = torch.stack([base, *vectors], 1)
        products = torch.bmm(stacked, stacked.transpose(1, 2)).flatten(1)
        return self.top_l(torch.cat([base, products[:, self.pairs]], 1))


BUILDERS = {
    "lenet5": Lenet5,
    "mlp": Mlp,
    "resnet": Resnet,
    "cifarResnet": CifarResnet,
    "densenet": Densenet,
    "mobilenet": Mobilenet,
    "transformerEncoder": TransformerEncoder,
    "lstmClassifier": LstmClassifier,
    "dlrmSmall": DlrmSmall,
}

FULL_SIZE = {
    "resnet18": ("resnet", {"block": "basic", "blocks": [2, 2, 2, 2]}),
    "resnet50": ("resnet", {"block": "bottleneck", "blocks": [3, 4, 6, 3]}),
    "densenet161": ("densenet", {"growth": 48, "blocks": [6, 12, 36, 24], "stem": 96}),
    "mobilenetV2": ("mobilenet", {}),
    "resnet20": ("cifarResnet", {}),
}


def build(name, options, smooth=False):
    """The model of this name; options that only Everfresh needs are left out."""
    name, fixed = FULL_SIZE.get(name, (name, {}))
    ours_only = ("seed", "inputSize") + (("activation",) if name == "mlp" else ())
    kept = {key: value for key, value in options.items() if key not in ours_only}
    return BUILDERS[name](**fixed, **kept, smooth=smooth)
