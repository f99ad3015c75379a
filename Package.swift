// swift-tools-version: 6.2
import PackageDescription

// Apus: a strict DAG of small targets. `layers` is the whole structure: a target may depend on targets of lower
// layers only, which this manifest checks at every build; `scripts/test` builds with
// `--explicit-target-dependency-import-check error`, so an import that is not declared here fails too.

// AVX2 and FMA: every x86 instance type of the catalogue has them, and the baseline (SSE2) would cost the plain
// Swift loops more than half their speed. oneDNN and OpenBLAS pick their own kernels at run time.
#if arch(x86_64)
  let processor: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-march=x86-64-v3", "-Xcc", "-fno-math-errno"])]
#else
  let processor: [SwiftSetting] = []
#endif

let strict: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
  ] + processor

struct Layer {
  enum Kind { case systemLibrary(pkgConfig: String? = nil, provider: String), embeddedFiles, library, command }
  var kind: Kind = .library
  var name: String
  var uses: [String] = []
  var products: [Target.Dependency] = []
}

let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let layers: [[Layer]] = [
  [
    Layer(kind: .systemLibrary(pkgConfig: "ompi-c", provider: "libopenmpi-dev"), name: "CMPI"),
    Layer(kind: .systemLibrary(provider: "libopenblas-dev"), name: "COpenBLAS"),
    Layer(kind: .systemLibrary(provider: "libdnnl-dev"), name: "COneDNN"),
    Layer(kind: .systemLibrary(provider: "zlib1g-dev"), name: "CZlib"),
    Layer(kind: .systemLibrary(provider: "libpng-dev"), name: "CPNG"),
    Layer(kind: .systemLibrary(provider: "libjpeg62-turbo-dev"), name: "CJPEG"),
    Layer(kind: .systemLibrary(provider: "libc6-dev"), name: "CSharedMemory"),
    Layer(kind: .embeddedFiles, name: "CCatalog"),
    Layer(kind: .embeddedFiles, name: "CCostModel"),
  ],
  [
    Layer(name: "Units"),
    Layer(name: "Randomness"),
    Layer(name: "Safetensors", uses: ["CZlib"]),
    Layer(name: "ImageDecoding", uses: ["CPNG", "CJPEG"]),
    Layer(name: "Kernels", uses: ["COpenBLAS", "COneDNN"]),
  ],
  [
    Layer(name: "ModelGraph", uses: ["Units"]),
    Layer(name: "Catalog", uses: ["Units", "CCatalog", "CZlib"]),
    Layer(name: "Collectives", uses: ["Units", "CSharedMemory"]),
  ],
  [
    Layer(name: "Models", uses: ["ModelGraph", "Randomness"]),
    Layer(name: "Execution", uses: ["ModelGraph", "Kernels", "Units", "Randomness"]),
    Layer(name: "MPIGroup", uses: ["CMPI", "Collectives", "Units"]),
    Layer(name: "Datasets", uses: ["CZlib", "ImageDecoding", "ModelGraph", "Units", "Randomness"]),
    Layer(name: "Evaluation", uses: ["Units"]),
  ],
  [
    Layer(name: "CostModel", uses: ["Units", "ModelGraph", "Models", "Catalog", "Collectives", "CCostModel"]),
    Layer(name: "Jobs", uses: ["Units", "Collectives", "ModelGraph", "Models", "Datasets"], products: [yams]),
  ],
  [
    Layer(
      name: "Training",
      uses: [
        "Units", "Randomness", "Safetensors", "ModelGraph", "Collectives", "Models", "Execution", "Datasets",
        "Evaluation", "Jobs", "CostModel",
      ]),
    Layer(
      name: "Planner",
      uses: ["Units", "Collectives", "ModelGraph", "Models", "Catalog", "Datasets", "CostModel", "Jobs"]),
  ],
  [
    Layer(
      kind: .command, name: "apus",
      uses: [
        "Units", "Randomness", "Kernels", "ModelGraph", "Catalog", "CostModel", "Collectives", "Models", "Execution",
        "MPIGroup",
        "Datasets", "Evaluation", "Jobs", "Training", "Planner",
      ],
      products: [arguments])
  ],
]

/// Folders of data that a C target embeds in the binary.
let embedded = ["Catalog": ["Resources"], "CostModel": ["Resources"]]

var height: [String: Int] = [:]
for (index, layer) in layers.enumerated() {
  for target in layer {
    for used in target.uses {
      guard let below = height[used], below < index else {
        fatalError("\(target.name) (layer \(index)) must not depend on \(used): arrows point down only")
      }
    }
  }
  for target in layer { height[target.name] = index }
}

func target(_ layer: Layer) -> Target {
  let dependencies = layer.uses.map { Target.Dependency.target(name: $0) } + layer.products
  switch layer.kind {
  case .systemLibrary(let pkgConfig, let provider):
    return .systemLibrary(name: layer.name, pkgConfig: pkgConfig, providers: [.apt([provider])])
  case .embeddedFiles:
    return .target(name: layer.name)
  case .library:
    return .target(
      name: layer.name, dependencies: dependencies, exclude: embedded[layer.name, default: []], swiftSettings: strict)
  case .command:
    return .executableTarget(name: layer.name, dependencies: dependencies, swiftSettings: strict)
  }
}

/// Test targets, each named after the target it tests; `TestSupport` is the one library they share.
let tests: [(name: String, uses: [String])] = [
  ("Units", []),
  ("Randomness", []),
  ("Safetensors", []),
  ("ImageDecoding", []),
  ("Kernels", []),
  ("ModelGraph", ["Units"]),
  ("Catalog", ["Units"]),
  ("Collectives", ["GroupConformance", "Units"]),
  ("Models", ["ModelGraph", "Randomness", "Units"]),
  ("Execution", ["ModelGraph", "Models", "Kernels", "Units", "Randomness", "Safetensors", "CMalloc"]),
  ("MPIGroup", ["Collectives", "GroupConformance"]),
  ("Datasets", ["ModelGraph", "Units", "Randomness", "CZlib"]),
  ("Evaluation", ["Units"]),
  ("CostModel", ["Units", "ModelGraph", "Models", "Catalog", "Collectives"]),
  ("Jobs", ["Units", "Collectives", "ModelGraph", "Models", "Datasets"]),
  (
    "Training",
    ["Collectives", "ModelGraph", "Models", "Execution", "Datasets", "Evaluation", "Jobs", "Safetensors", "Units"]
  ),
  ("Planner", ["Units", "Collectives", "Models", "Catalog", "CostModel", "Jobs"]),
  ("apus", ["Planner", "CostModel", "Catalog", "Collectives", "Units"]),
]

/// Test targets with a `Golden` folder, which their tests find beside themselves: no resource of a bundle.
let golden: Set = ["Safetensors", "ImageDecoding", "Execution", "Datasets", "Jobs", "Models", "Planner"]

let testTargets: [Target] =
  [
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
    .systemLibrary(name: "CMalloc", path: "Tests/CMalloc"),
    // The checks that every `Group` must pass, and the program that mpirun starts to run them over MPI.
    .target(
      name: "GroupConformance", dependencies: ["Collectives"], path: "Tests/GroupConformance", swiftSettings: strict),
    .executableTarget(
      name: "group-conformance", dependencies: ["GroupConformance", "MPIGroup", "Collectives"],
      path: "Tests/group-conformance", swiftSettings: strict),
  ]
  + tests.map { test in
    .testTarget(
      name: test.name + "Tests",
      dependencies: [.target(name: test.name), "TestSupport"] + test.uses.map { .target(name: $0) },
      exclude: golden.contains(test.name) ? ["Golden"] : [], swiftSettings: strict)
  }

let package = Package(
  name: "apus",
  products: [.executable(name: "apus", targets: ["apus"])],
  dependencies: [
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: layers.joined().map(target) + testTargets
)
