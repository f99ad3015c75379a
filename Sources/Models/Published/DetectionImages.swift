/// The size that the images of COCO have on average when a detector trains on them.
///
/// "800×1333" bounds the shorter and the longer side. A photograph of COCO has sides of 4 : 3, so a shorter side of 800
/// makes it 800×1067, which a batch pads to a multiple of 32. Trained at several scales, 640 to 800, its mean is 720. With large-scale jitter all
/// are 1024×1024.
struct DetectionImages {
  let sides: (height: Int, width: Int)

  init(_ description: ModelDescription) {
    let image = description.image
    let numbers = ModelDescription.numbers(image)
    if description.name.contains("Large-Scale Jitter") || description.name.contains("LSJ") {
      sides = (1024, 1024)
    } else if numbers.count >= 2, numbers[0] % 32 == 0, numbers[1] % 32 == 0 {
      // All images are padded to this.
      sides = (numbers[0], numbers[1])
    } else if image.contains("multi") {
      sides = (736, 992)
    } else {
      sides = (800, 1088)
    }
  }
}
