package io.github.mamba4j;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.ShapeMismatchException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The arrows of ARCHITECTURE.md: who may import whom inside this module. */
class ArchitectureTest {
  private static final String ROOT = "io.github.mamba4j.";

  /** What any package may use: it names shapes in error messages and holds no data. */
  private static final DescribedPredicate<JavaClass> ERROR_TYPES =
      describe("error types", type -> type.isEquivalentTo(ShapeMismatchException.class));

  private static JavaClasses classes;

  @BeforeAll
  static void importProductionClasses() throws URISyntaxException {
    Path folder = Path.of(Shape.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    classes = new ClassFileImporter().importPath(folder);
  }

  @Test
  void importer_productionClasses_areSeenWithoutTests() {
    assertThat(classes.contain(Shape.class)).isTrue();
    assertThat(classes.contain(ArchitectureTest.class)).isFalse();
  }

  @ParameterizedTest(name = "{0} imports only [{1}]")
  @CsvSource({
    "spi,''",
    "ssm,''",
    "checkpoint,spi",
    "internal,spi",
    "tensor,spi",
    "nn,tensor spi",
    "model,nn tensor checkpoint spi",
    "generate,model nn tensor spi",
    "train,model nn tensor checkpoint spi"
  })
  void package_ofThisModule_importsOnlyWhatIsBelow(String name, String allowed) {
    String[] below =
        Stream.concat(Stream.of(name), Stream.of(allowed.split(" ")))
            .filter(part -> !part.isEmpty())
            .map(part -> ROOT + part + "..")
            .toArray(String[]::new);

    noClasses()
        .that()
        .resideInAPackage(ROOT + name + "..")
        .should()
        .dependOnClassesThat(
            resideInAPackage(ROOT + "*..")
                .and(not(resideInAnyPackage(below)))
                .and(not(ERROR_TYPES)))
        .allowEmptyShould(true)
        .check(classes);
  }

  @Test
  void packages_ofThisModule_haveNoCycles() {
    slices().matching(ROOT + "(*)..").should().beFreeOfCycles().check(classes);
  }

  @Test
  void incubatorModule_outsideVectorKernels_isNotNamed() {
    DescribedPredicate<JavaClass> vectorKernels =
        describe(
            "Vector… classes of the CPU backend",
            type ->
                type.getPackageName().startsWith(ROOT + "internal.cpu")
                    && type.getName()
                        .substring(type.getPackageName().length() + 1)
                        .startsWith("Vector"));

    noClasses()
        .that(not(vectorKernels))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator.vector..")
        .check(classes);
  }

  /** See VectorAccess: loops over memory of one thread make the kernels slow that run later. */
  @Test
  void memory_ofOneThread_isNotUsed() {
    noClasses().should().callMethod(Arena.class, "ofConfined").check(classes);
  }
}
